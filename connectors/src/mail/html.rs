//! HTML to text. Total: what a full parser should not be given (deep nesting, megabytes) a simple one takes.

use html2text::render::TextDecorator;
use mail_parser::decoders::html::html_to_text;

/// Wider than any paragraph should be: the text is to be read by a machine.
const WIDTH: usize = 2_000;
/// Rendering recurses; beyond this nesting of elements it is not tried.
const DEPTH_MAX: usize = 300;
const BYTES_MAX: usize = 8 << 20;
/// Elements that hold nothing, or that the next of their kind closes.
const FLAT: [&str; 18] = [
    "br", "img", "hr", "meta", "link", "input", "p", "li", "td", "th", "tr", "col", "option", "dd", "dt", "area",
    "base", "wbr",
];

/// The text a reader sees; quotations keep their `> `.
pub(crate) fn to_text(html: &str) -> String {
    if html.len() > BYTES_MAX || depth(html) > DEPTH_MAX {
        return html_to_text(html);
    }
    let config = html2text::config::with_decorator(Plain).raw_mode(true).allow_width_overflow();
    match config.string_from_read(html.as_bytes(), WIDTH) {
        Ok(text) => tidy(&text),
        Err(_) => html_to_text(html),
    }
}

/// An upper bound of how deep elements nest.
fn depth(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for tag in html.split('<').skip(1) {
        if tag.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let name = tag.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            depth += usize::from(!FLAT.contains(&&*name.to_ascii_lowercase()));
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// Marks lists and quotations as plain mail does, and nothing else.
struct Plain;

type Mark = (String, ());

impl TextDecorator for Plain {
    type Annotation = ();

    fn decorate_link_start(&mut self, _url: &str) -> Mark {
        Mark::default()
    }

    fn decorate_link_end(&mut self) -> String {
        String::new()
    }

    fn decorate_em_start(&self) -> Mark {
        Mark::default()
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> Mark {
        Mark::default()
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> Mark {
        Mark::default()
    }

    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }

    fn decorate_code_start(&self) -> Mark {
        Mark::default()
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _source: &str, title: &str) -> Mark {
        (title.to_owned(), ())
    }

    fn header_prefix(&self, _level: usize) -> String {
        String::new()
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "- ".to_owned()
    }

    fn ordered_item_prefix(&self, number: i64) -> String {
        format!("{number}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        Plain
    }
}

/// Without rules, trailing blanks and repeated empty lines.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut blank = true;
    for line in text.lines().map(str::trim_end).filter(|line| !line.starts_with("────")) {
        if !(line.is_empty() && blank) {
            out.push_str(line);
            out.push('\n');
        }
        blank = line.is_empty();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structure_is_kept_and_decoration_is_not() {
        let html = "<html><head><style>p{}</style><title>t</title></head><body><h1>News</h1><p>Hello <b>Anna</b>, see \
                    <a href='http://x'>this</a>.</p><hr><ul><li>one<li>two</ul><blockquote>Where?</blockquote>\
                    <table><tr><td>a</td><td>b</td></tr></table></body></html>";
        let text = to_text(html);
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, ["News", "Hello Anna, see this.", "- one", "- two", "> Where?", "a", "b"]);
    }

    #[test]
    fn deep_nesting_and_megabytes_are_read_simply() {
        for html in ["<div>".repeat(200_000) + "x", "<b>".repeat(299) + "x", "<p>word</p>".repeat(1 << 20)] {
            assert!(to_text(&html).contains(['x', 'w']));
        }
    }
}
