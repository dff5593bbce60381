//! Prose or not: whether a sentence is one claims may be read from, rather than code, a log, a table, a quotation
//! mark-up.
//!
//! Contract: total; by the text alone. Cost: linear in the sentence.

/// Starts of lines that are not somebody's own prose: quotations, prompts, traces, headers, signatures.
const STARTS: &[&str] = &[
    ">",
    "$ ",
    "# ",
    "% ",
    ">>> ",
    "... ",
    "```",
    "~$",
    "C:\\",
    "-- ",
    "| ",
    "+--",
    "===",
    "***",
    "---",
    "diff --git",
    "@@ ",
    "at org.",
    "at com.",
    "at java.",
    "Traceback (",
    "Exception in ",
    "Caused by:",
    "File \"",
    "import ",
    "#include",
    "#!/",
    "<?xml",
    "<!DOCTYPE",
    "From: ",
    "To: ",
    "Cc: ",
    "Subject: ",
    "Date: ",
    "Sent: ",
    "Reply-To: ",
    "Content-Type:",
    "Sent from my ",
];
/// Levels that mark a log line when they stand among its first words.
const LEVELS: &[&str] = &[
    "DEBUG", "ERROR", "FATAL", "INFO", "NOTICE", "TRACE", "WARN", "WARNING", "[debug]", "[error]", "[info]", "[warn]",
];
/// What a token of code contains.
const CODE: &[&str] = &[
    "::", "->", "=>", "==", "!=", "&&", "||", "();", "++", "+=", ":=", "</", "/>", "()", "){", "];", "${", "$(", "{}",
    "[]", "<<", "%s", "\\n",
];

/// Whether claims may be read from a sentence.
pub fn is_prose(sentence: &str) -> bool {
    let sentence = sentence.trim();
    let tokens: Vec<&str> = sentence.split_whitespace().collect();
    if tokens.is_empty()
        || STARTS.iter().any(|start| sentence.starts_with(start))
        || logged(&tokens)
        || prompted(&tokens)
    {
        return false;
    }
    let words = tokens.iter().filter(|token| word(token)).count();
    let coded = tokens.iter().filter(|token| code(token)).count();
    let bars = sentence.matches('|').count() + sentence.matches('\t').count();
    let ends = sentence.ends_with([';', '{', '}']) && (coded > 0 || tokens.len() < 4);
    let garbled = tokens.iter().any(|token| token.len() > 400);
    words * 2 >= tokens.len() && coded * 5 <= tokens.len() && bars < 2 && !ends && !garbled && !drawn(sentence)
}

/// Letters, perhaps with an apostrophe, a hyphen, and punctuation around; short numbers count as well.
fn word(token: &str) -> bool {
    let core = token.trim_matches(|c: char| !c.is_alphanumeric());
    let letters = core.chars().filter(|c| c.is_alphabetic()).count();
    let plain =
        core.chars().all(|c| c.is_alphanumeric() || matches!(c, '\'' | '’' | '-' | '.' | ',' | ':' | '/' | '&' | '%'));
    let number = !core.is_empty() && letters == 0 && core.len() <= 10 && token.len() <= core.len() + 3;
    plain && (letters * 2 > core.chars().count() || number)
}

/// A token of code: operators, calls, snake_case, braces, or an assignment.
fn code(token: &str) -> bool {
    let emoticon = token.len() < 4 && !token.contains(|c: char| c.is_ascii_alphabetic());
    let called =
        token.contains('(') && !token.starts_with('(') && token.ends_with([')', ';', ',']) && !token.contains('/');
    let snake = token.contains('_') && token.trim_matches('_').contains('_') && !token.starts_with(['@', '#', ':']);
    let assigned =
        token.contains('=') && token.len() > 2 && !token.contains("://") && !token.starts_with(['=', ':', ';']);
    let braced = token.contains(['{', '}']);
    !emoticon
        && !token.contains("://")
        && (called || snake || assigned || braced || CODE.iter().any(|sign| token.contains(sign)))
}

/// A log line: a time stamp first, or a level among the first words.
fn logged(tokens: &[&str]) -> bool {
    let stamp = |token: &&str| {
        let core = token.trim_matches(['[', ']', '<', '>', '(', ')']);
        let digits = core.bytes().filter(u8::is_ascii_digit).count();
        let marks =
            core.bytes().filter(|byte| matches!(byte, b':' | b'-' | b'.' | b'T' | b'Z' | b'/' | b',' | b'+')).count();
        digits >= 6 && marks >= 2 && digits + marks == core.len() && token.contains(':')
            || digits >= 4 && marks > 0 && token.starts_with('[')
    };
    let level = |token: &&str| LEVELS.contains(&token.trim_end_matches(':'));
    tokens.first().is_some_and(stamp) && tokens.len() > 1
        || tokens.iter().take(4).any(level) && tokens.iter().take(4).any(stamp)
        || tokens.first().is_some_and(level)
}

/// A shell prompt: "user@host:~$ ls".
fn prompted(tokens: &[&str]) -> bool {
    tokens.first().is_some_and(|first| first.contains('@') && first.ends_with(['$', '#', '>', '%']))
}

/// A drawing or rule: mostly signs.
fn drawn(sentence: &str) -> bool {
    let sentence = sentence.trim_end_matches(['!', '?', '.']);
    let visible = sentence.chars().filter(|c| !c.is_whitespace()).count();
    let signs = sentence.chars().filter(|c| !c.is_whitespace() && !c.is_alphanumeric()).count();
    signs * 5 > visible * 2 && visible > 8
}

#[cfg(test)]
mod tests {
    use super::is_prose;

    #[test]
    fn prose_is_told_from_the_rest() {
        let prose = [
            "I moved to Oslo last May.",
            "my sister Anna works at Google :)",
            "Does anyone know how to install it on 12.04?",
            "Ben's got 2 dogs & a cat",
            "She said: \"I'm leaving\".",
            "yes",
            "we use /etc/fstab for that",
            "I ran apt-get update and it failed",
            "@ben see you at 8:30!",
        ];
        let other = [
            "$ sudo apt-get install vim",
            "root@box:~# ls -la",
            "for (int i = 0; i < n; i++) {",
            "at org.junit.Assert.fail(Assert.java:86)",
            "Traceback (most recent call last):",
            "2012-07-01 12:00:01 INFO started",
            "| name | age |",
            "====== ------ ======",
            "> I moved to Oslo",
            "[12:30:11] connected",
            "let x = foo::bar(baz);",
            "/\\_/\\ ( o.o ) > ^ <",
            "def main(): return self.run_it()",
            "x_y_z = a_b_c + 1",
            "",
        ];
        for text in prose {
            assert!(is_prose(text), "{text}");
        }
        for text in other {
            assert!(!is_prose(text), "{text}");
        }
    }
}
