//! What the author of a mail wrote, apart from what was quoted, signed and appended. Pure, linear.

/// A body taken apart. Each line that is not blank is in one of them, but for the `--` above a signature.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Body {
    /// What the author wrote.
    pub(super) text: String,
    /// Earlier mails, with the lines that introduce them.
    pub(super) quoted: String,
    /// What stands below `--`.
    pub(super) signature: String,
    /// What list servers and signing programs add.
    pub(super) footer: String,
}

/// A signature has at most so many lines that are not blank.
const SIGNATURE_LINES_MAX: usize = 20;
/// A footer has at most so many lines that are not blank.
const FOOTER_LINES_MAX: usize = 14;
/// What stands before the colon of a line that introduces a quotation.
const SAYS: [&str; 8] = ["wrote", "writes", "said", "says", "schrieb", "escribió", "écrit", "ha scritto"];
/// How such a line begins, if there are two of them.
const INTRODUCES: [&str; 8] = ["On ", "In ", "At ", "Am ", "El ", "Le ", "Il ", "Quoting "];
/// What stands above an earlier mail that is quoted without marks.
const EARLIER: [&str; 5] =
    ["original message", "forwarded message", "forwarded by", "ursprüngliche nachricht", "mensaje original"];

/// Takes a body apart.
pub(super) fn split(body: &str) -> Body {
    let mut lines: Vec<&str> = body.lines().map(str::trim_end).collect();
    let mut parts = Body::default();
    take_pgp(&mut lines, &mut parts.footer);
    if let Some(at) = footer_start(&lines) {
        append(&mut parts.footer, &lines[at..]);
        lines.truncate(at);
    }
    if let Some((from, to)) = (0..lines.len()).find_map(|at| Some((at, at + earlier_mail(&lines[at..])?))) {
        append(&mut parts.quoted, &lines[from..to]);
        lines.drain(from..to);
    }
    let written = take_quotes(&lines, &mut parts.quoted);
    let end = signature_start(&written).unwrap_or(written.len());
    append(&mut parts.signature, written.get(end + 1..).unwrap_or_default());
    append(&mut parts.text, &written[..end]);
    parts
}

/// Moves the marks and the signature of a signed mail into the footer.
fn take_pgp(lines: &mut Vec<&str>, footer: &mut String) {
    let Some(begin) = lines.iter().position(|line| *line == "-----BEGIN PGP SIGNATURE-----") else { return };
    let end = lines[begin..].iter().position(|line| *line == "-----END PGP SIGNATURE-----");
    let end = end.map_or(lines.len(), |length| begin + length + 1);
    append(footer, &lines[begin..end]);
    lines.drain(begin..end);
    if let Some(begin) = lines.iter().position(|line| *line == "-----BEGIN PGP SIGNED MESSAGE-----") {
        let end = begin + 1 + lines[begin + 1..].iter().take_while(|line| line.starts_with("Hash: ")).count();
        append(footer, &lines[begin..end]);
        lines.drain(begin..end);
    }
}

/// Where a list's footer begins: a long rule, and little but an address or a link below it.
fn footer_start(lines: &[&str]) -> Option<usize> {
    let mut below = 0;
    let mut start = None;
    let mut linked = false;
    for (at, line) in lines.iter().enumerate().rev() {
        let rule = line.bytes().filter(|byte| b"-_=~*".contains(byte)).count() >= 30;
        below += usize::from(!line.is_empty());
        if below > FOOTER_LINES_MAX {
            break;
        }
        let lower = line.to_ascii_lowercase();
        linked |= ["http", "unsubscribe", "mailing list"].iter().any(|sign| lower.contains(sign));
        if rule && linked {
            start = Some(at);
        }
    }
    start
}

/// How many lines an earlier mail has that begins here, quoted below a heading of its own: all of them, or only the
/// heading if what follows is marked and the author goes on after it.
fn earlier_mail(lines: &[&str]) -> Option<usize> {
    let line = lines[0];
    let lower = line.to_lowercase();
    let ruled = line.starts_with("--") && line.len() < 100 && EARLIER.iter().any(|earlier| lower.contains(earlier));
    let field =
        |line: &&&str| ["From: ", "Sent: ", "Date: ", "To: ", "Subject: "].iter().any(|name| line.starts_with(name));
    let fields = line.starts_with("From: ") && lines.iter().take(6).filter(field).count() >= 3;
    if !ruled && !fields && line != "Begin forwarded message:" {
        return None;
    }
    let heading = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
    let marked = lines[heading..].iter().find(|line| !line.is_empty()).is_some_and(|line| is_quote(line));
    Some(if marked { heading } else { lines.len() })
}

/// Whether a line is marked as quoted: `> …`, or with the initials of its author, `AK> …`.
fn is_quote(line: &str) -> bool {
    let rest = line.trim_start_matches(' ');
    let initials = rest.bytes().take(4).take_while(u8::is_ascii_uppercase).count();
    rest[initials..].starts_with('>') && line.len() - rest.len() <= 2
}

/// Moves marked quotations, with what introduces them, out of the lines; the rest.
fn take_quotes<'a>(lines: &[&'a str], quoted: &mut String) -> Vec<&'a str> {
    let mut written: Vec<&str> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let bar = lines[at].starts_with('|');
        let introduction = if bar || is_quote(lines[at]) { introduction_start(&written) } else { written.len() };
        let introduced = introduction < written.len();
        let quotes = |line: &&&str| is_quote(line) || introduced && line.starts_with('|');
        if !quotes(&&lines[at]) {
            written.push(lines[at]);
            at += 1;
            continue;
        }
        let end = at + lines[at..].iter().take_while(|line| quotes(line) || line.is_empty()).count();
        append(quoted, &written[introduction..]);
        written.truncate(introduction);
        append(quoted, &lines[at..end]);
        written.push("");
        at = end;
    }
    written
}

/// Where the introduction of a quotation begins that follows these lines: `On Monday Anna wrote:`.
fn introduction_start(written: &[&str]) -> usize {
    let Some(last) = written.iter().rposition(|line| !line.is_empty()) else { return written.len() };
    let Some(said) = written[last].strip_suffix(':').map(str::trim_end) else { return written.len() };
    if !SAYS.iter().any(|says| said.ends_with(says)) && !said.starts_with("Quoting ") {
        return written.len();
    }
    let starts = |line: &str| INTRODUCES.iter().any(|start| line.starts_with(start));
    match last.checked_sub(1) {
        Some(before) if !starts(written[last]) && starts(written[before]) => before,
        _ => last,
    }
}

/// Where the signature's `--` stands.
fn signature_start(lines: &[&str]) -> Option<usize> {
    let mut below = 0;
    let mut start = None;
    for (at, line) in lines.iter().enumerate().rev() {
        if *line == "--" && below <= SIGNATURE_LINES_MAX {
            start = Some(at);
        }
        below += usize::from(!line.is_empty());
    }
    start
}

/// Adds lines, without blank ones at the ends and with no two in a row.
fn append(part: &mut String, lines: &[&str]) {
    let mut blank = false;
    for line in lines {
        if !line.is_empty() {
            if !part.is_empty() {
                part.push_str(if blank { "\n\n" } else { "\n" });
            }
            part.push_str(line);
        }
        blank = line.is_empty();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_between_quotations_is_put_together() {
        let body = "Hi Bert,\n\nOn Sat, 25 Dec 2004 at 09:14,\nBert <bert@example.org> wrote:\n> Where do you live?\n>\n> B\n\n\
                    I live in Oslo now.\n\nBert wrote:\n> And work?\n\nStill at ACME.\n\n-- \nAnna Kowalska\nACME\n";
        let parts = split(body);
        assert_eq!(parts.text, "Hi Bert,\n\nI live in Oslo now.\n\nStill at ACME.");
        assert_eq!(
            parts.quoted,
            "On Sat, 25 Dec 2004 at 09:14,\nBert <bert@example.org> wrote:\n> Where do you live?\n>\n> B\nBert wrote:\n> And work?"
        );
        assert_eq!((&*parts.signature, &*parts.footer), ("Anna Kowalska\nACME", ""));
    }

    #[test]
    fn an_earlier_mail_below_and_a_list_footer_are_no_text() {
        let below = "Yes.\n\n-----Original Message-----\nFrom: Bert\nI live in Rome.\n";
        assert_eq!((split(below).text, split(below).quoted.lines().count()), ("Yes.".into(), 3));
        let bottom = "----- Original Message -----\nFrom: B\nTo: A\n\n> Where?\n\nIn Rome.\n";
        assert_eq!(split(bottom).text, "In Rome.");
        let bars = "On Monday B wrote:\n| Where?\n\nIn Rome.\n| no quote\nAK> So?\nYes.";
        assert_eq!(split(bars).text, "In Rome.\n| no quote\n\nYes.");
        let fields = "Yes.\n\nFrom: Bert\nSent: Monday\nTo: Anna\nSubject: x\n\nI live in Rome.\n";
        assert_eq!(split(fields).text, "Yes.");
        let rule = "_".repeat(47);
        let listed = format!("Yes.\n-- \nAnna\n\n{rule}\nx mailing list\nx@y\nhttp://lists/x\n");
        let parts = split(&listed);
        assert_eq!((&*parts.text, &*parts.signature, parts.footer.lines().count()), ("Yes.", "Anna", 4));
    }

    #[test]
    fn a_signed_mail_is_its_text() {
        let body = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA1\n\nHello.\n-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n";
        assert_eq!(split(body).text, "Hello.");
    }

    #[test]
    fn a_dash_or_a_rule_in_the_middle_is_text() {
        let long = format!("a\n--\n{}", "line\n".repeat(30));
        assert_eq!(split(&long).text.lines().count(), 32);
        assert_eq!(split("On Monday I wrote:\nnothing").text, "On Monday I wrote:\nnothing");
        assert_eq!(split(""), Body::default());
    }
}
