use super::*;

fn cells(cells: &[&str]) -> Row {
    Row::Cells(cells.iter().map(|cell| (*cell).to_owned()).collect())
}

#[test]
fn a_text_is_wrapped_at_spaces_and_keeps_its_indents() {
    let text = format!("  {}", "word ".repeat(40));
    let found = wrapped(&text, 4);
    assert!(found.starts_with("  word word"), "{found}");
    for line in found.lines().skip(1) {
        assert!(line.starts_with("    word") && length(line) <= WIDTH, "{found}");
    }
    assert_eq!(text.split_whitespace().count(), found.split_whitespace().count());
    let path = "/".repeat(100);
    assert_eq!(format!("in\n{path}"), wrapped(&format!("in {path}"), 0), "a long word stays whole");
}

#[test]
fn a_command_is_not_wrapped_inside_quotes() {
    let quoted = r"'it is'\''nt   a  break'";
    let command = format!("cargo lab {}{quoted} --seed 7", "--only S64/1000 ".repeat(4));
    let found = wrapped_command(&command, 2);
    assert!(found.lines().all(|line| length(line) <= WIDTH), "{found}");
    assert!(found.contains(quoted) && found.contains(" \\\n  "), "{found}");
    assert_eq!(command, found.replace(" \\\n  ", " ").trim());
}

#[test]
fn titles_are_wrapped_to_the_width_of_their_columns() {
    let found = table(&["entrant", "CPU-µs per delivery"], &[cells(&["select", "1.25"])], 1, None);
    assert_eq!("           CPU-µs per\nentrant      delivery\nselect           1.25", found);
}

#[test]
fn a_long_name_gets_a_line_of_its_own_and_a_figure_stays_whole() {
    let (name, figure) = ("a-name-of-thirty-characters-or", "1234567890123456789");
    let found = table(&["entrant", "a", "b"], &[cells(&[name, figure, figure])], 1, Some(60));
    assert_eq!(Some(name), found.lines().nth(1), "{found}");
    assert_eq!(2, found.split_whitespace().filter(|word| *word == figure).count(), "{found}");
    assert!(found.lines().all(|line| length(line) <= 60), "{found}");
}

#[test]
fn a_last_text_is_wrapped_in_its_column() {
    let rows = [cells(&["select", &"word ".repeat(30)]), Row::Line("a line".into())];
    let found = table(&["entrant", "rules"], &rows, 2, Some(60));
    assert!(found.lines().all(|line| length(line) <= 60), "{found}");
    assert!(found.lines().nth(2).is_some_and(|line| line.starts_with("         word")), "{found}");
    assert!(found.ends_with("\na line"), "{found}");
}
