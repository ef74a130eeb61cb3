//! Tokens: the words and signs of a Rust source, without comments, literals and test code.

/// The tokens of a source, without code that is compiled only for tests.
pub(super) fn tokens(source: &str) -> Vec<String> {
    without_tests(&split(source))
}

/// Words and signs. A literal is one sign, `"`, whatever it contains; `::` is one token.
fn split(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_whitespace() {
            first.len_utf8()
        } else if let Some(comment) = comment(rest) {
            comment
        } else if let Some(literal) = literal(rest) {
            found.push("\"".to_owned());
            literal
        } else {
            let token = token(rest);
            found.push(token.to_owned());
            token.len()
        };
        rest = &rest[length..];
    }
    found
}

/// The length of the comment that begins here, in bytes; `None` if none does.
fn comment(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    let mut depth = 0;
    let mut at = 0;
    rest.starts_with("/*").then(|| {
        loop {
            match &rest[at..] {
                "" => return at,
                text if text.starts_with("/*") => (depth, at) = (depth + 1, at + 2),
                text if text.starts_with("*/") => (depth, at) = (depth - 1, at + 2),
                text => at += text.chars().next().map_or(1, char::len_utf8),
            }
            if depth == 0 {
                return at;
            }
        }
    })
}

/// The length of the string, byte string or character that begins here, in bytes; `None` if none
/// does. A lifetime is not a literal.
fn literal(rest: &str) -> Option<usize> {
    let body = rest.trim_start_matches(['b', 'c']);
    let prefix = rest.len() - body.len();
    if prefix > 1 {
        return None;
    }
    if let Some(raw) = body.strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        let text = raw[hashes..].strip_prefix('"')?;
        let end = format!("\"{}", "#".repeat(hashes));
        return Some(prefix + 1 + hashes + 1 + text.find(&end)? + end.len());
    }
    let quote = body.chars().next().filter(|char| "\"'".contains(*char))?;
    if quote == '\'' && !is_character(body) {
        return None;
    }
    let mut escaped = false;
    let end = body[1..].find(|char| {
        let ends = char == quote && !escaped;
        escaped = char == '\\' && !escaped;
        ends
    })?;
    Some(prefix + 1 + end + 1)
}

/// Whether a `'` begins a character literal: a backslash follows, or one character and another `'`.
fn is_character(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    let inside = chars.next();
    inside == Some('\\') || chars.next() == Some('\'')
}

fn token(rest: &str) -> &str {
    let is_word = |char: char| char.is_alphanumeric() || char == '_';
    let raw = if rest.starts_with("r#") { 2 } else { 0 };
    match rest[raw..].find(|char| !is_word(char)).unwrap_or(rest.len() - raw) {
        0 if rest.starts_with("::") => "::",
        0 => &rest[..rest.chars().next().map_or(0, char::len_utf8)],
        length => &rest[..raw + length],
    }
}

/// Removes each item with the attribute `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if !is_test_attribute(&tokens[at..]) {
            kept.push(tokens[at].clone());
            at += 1;
            continue;
        }
        at = end_of_item(tokens, at);
    }
    kept
}

fn is_test_attribute(tokens: &[String]) -> bool {
    let begins = |words: &[&str]| {
        tokens.iter().map(String::as_str).take(words.len()).eq(words.iter().copied())
    };
    begins(&["#", "[", "cfg", "(", "test", ")"])
        || begins(&["#", "[", "cfg", "(", "all", "(", "test"])
}

/// The position after the item that begins here with its attributes: after its `;` or its block.
fn end_of_item(tokens: &[String], from: usize) -> usize {
    let mut depth = 0;
    let mut was_attribute = false;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.as_str() {
            "(" | "[" | "{" => {
                was_attribute |= depth == 0 && token == "[";
                depth += 1;
            }
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        let is_end = match token.as_str() {
            ";" | "," => depth == 0 && was_attribute,
            "}" => depth == 0,
            _ => false,
        };
        if is_end {
            return at + 1;
        }
    }
    tokens.len()
}
