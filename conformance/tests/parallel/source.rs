//! Reads Rust sources as rustfmt lays them out: functions, their signatures, documentation and bodies.

/// One function of a file.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// From the line of its name to its closing brace.
    pub(crate) lines: usize,
    /// Its documentation in one line, without attributes.
    pub(crate) doc: String,
    /// Parameters, and what it returns.
    signature: (Vec<String>, String),
    /// What is between its braces.
    pub(crate) body: String,
}

impl Function {
    /// Its parameters without those that are named in `context`, and what it returns; without lifetimes.
    pub(crate) fn signature(&self, context: &[&str]) -> String {
        let (parameters, returns) = &self.signature;
        let is_context = |parameter: &&String| {
            let name = parameter.split(':').next().unwrap_or_default();
            let name = name.trim_start_matches('&').trim().trim_start_matches("mut ");
            !context.contains(&name)
        };
        let kept: Vec<_> = parameters.iter().filter(is_context).map(String::as_str).collect();
        format!("({}) -> {returns}", kept.join(", "))
    }
}

/// Every function of a file, in order.
pub(crate) fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let starts = (0..lines.len()).filter_map(|index| Some((index, name(lines[index])?)));
    starts.map(|(index, name)| read(&lines, index, name)).collect()
}

fn read(lines: &[&str], start: usize, name: &str) -> Function {
    let indent = lines[start].len() - lines[start].trim_start().len();
    let close = format!("{}}}", " ".repeat(indent));
    let end =
        lines[start..].iter().position(|line| **line == close).map_or(start, |end| start + end);
    let opens = |line: &&str| line.ends_with('{') || line.ends_with(';') || line.ends_with('}');
    let head = lines[start..].iter().position(opens).map_or(start, |head| start + head);
    Function {
        name: name.to_owned(),
        lines: end - start + 1,
        doc: doc(&lines[..start]),
        signature: signature(&lines[start..=head].join(" ")),
        body: lines.get(head + 1..end).unwrap_or_default().join("\n"),
    }
}

/// The name of the function that a line begins, if it begins one.
fn name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for prefix in ["pub(crate) ", "pub(super) ", "pub ", "const ", "async "] {
        rest = rest.strip_prefix(prefix).unwrap_or(rest);
    }
    let name = rest.strip_prefix("fn ")?;
    name.split(|char: char| !char.is_alphanumeric() && char != '_').next()
}

/// The documentation at the end of these lines.
fn doc(before: &[&str]) -> String {
    let is_doc =
        |line: &&&str| line.trim_start().starts_with("///") || line.trim_start().starts_with("#[");
    let mut lines: Vec<_> = before.iter().rev().take_while(is_doc).collect();
    lines.reverse();
    let text = lines.into_iter().filter_map(|line| line.trim_start().strip_prefix("///"));
    text.map(str::trim).collect::<Vec<_>>().join(" ")
}

/// Parameters and result of a function's head, which stands in one line.
fn signature(head: &str) -> (Vec<String>, String) {
    let head = without_lifetimes(head);
    let open = head.find('(').unwrap_or(head.len());
    // A restricted visibility has parentheses, too.
    let open = head[open..].find("fn ").map_or(open, |function| {
        let function = open + function;
        head[function..].find('(').map_or(open, |open| function + open)
    });
    let (mut depth, mut start, mut parameters) = (0, open + 1, Vec::new());
    for (at, char) in head.char_indices().skip_while(|(at, _)| *at < open) {
        match char {
            '(' | '[' | '<' => depth += 1,
            ')' | ']' => depth -= 1,
            // Not the end of an arrow.
            '>' if !head[..at].ends_with('-') => depth -= 1,
            _ => {}
        }
        if (char == ',' && depth == 1) || depth == 0 {
            let parameter = head[start..at].split_whitespace().collect::<Vec<_>>().join(" ");
            if !parameter.is_empty() {
                parameters.push(parameter.trim_start_matches("mut ").to_owned());
            }
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    let returns = head[start..].trim().trim_start_matches("->");
    let returns = returns.trim_end_matches("{}").trim_end_matches('{').trim();
    (parameters, if returns.is_empty() { "()".into() } else { returns.into() })
}

/// A head without `'a ` and `<'a>`.
fn without_lifetimes(head: &str) -> String {
    let mut text = String::new();
    let mut chars = head.chars().peekable();
    while let Some(char) = chars.next() {
        if char != '\'' {
            text.push(char);
            continue;
        }
        while chars.next_if(|next| next.is_alphanumeric() || *next == '_').is_some() {}
        let _ = chars.next_if(|next| *next == ',');
        let _ = chars.next_if(|next| *next == ' ');
    }
    text.replace("<>", "")
}

/// A body without white space, comments, `await`, braces, and what ends a statement or an arm.
pub(crate) fn normalised(body: &str) -> String {
    let code = body.lines().map(|line| line.split("//").next().unwrap_or_default());
    let code: String =
        code.flat_map(|line| line.chars().filter(|char| !char.is_whitespace())).collect();
    code.replace(".await", "").replace(['{', '}', ';'], "").replace(",Ending", "Ending")
}

#[test]
fn a_function_is_read_with_its_parts() {
    let text = "\
/// Says
/// what.
#[inline]
    pub(crate) async fn one<'a>(
        &self,
        state: MutexGuard<'a, State>,
        mut reason: Reason,
    ) -> Result<u8, Error<'a>> {
        wait().await; // now
    }

fn two() {}
";
    let functions = functions(text);
    let names: Vec<_> =
        functions.iter().map(|function| (&*function.name, function.lines)).collect();
    assert_eq!([("one", 7), ("two", 1)], names[..]);
    assert_eq!("Says what.", functions[0].doc);
    assert_eq!("(reason: Reason) -> Result<u8, Error>", functions[0].signature(&["self", "state"]));
    assert_eq!("wait()", normalised(&functions[0].body));
    assert_eq!("() -> ()", functions[1].signature(&[]));
}
