//! Failure: the report of a broken rule, complete enough to be understood without another run.

use std::fmt;

use super::causes::likely_cause;
use super::error::TestError;
use super::transcript::shown;

/// Everything that is known about a broken rule.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The rule's id.
    pub id: String,
    /// The sentence of the rule.
    pub sentence: String,
    /// What happened.
    pub error: TestError,
    /// What the clients sent and received, as lines of the test's transcript.
    pub transcript: Vec<String>,
    /// The end of the server's log.
    pub log: String,
    /// The seed of every random choice.
    pub seed: u64,
    /// The command that runs this rule again.
    pub rerun: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.id, self.sentence)?;
        writeln!(f, "  what happened  {}", self.error)?;
        if let TestError::Broken { expected, received, .. } = &self.error {
            write_difference(f, expected, received)?;
        }
        if let Some(cause) = likely_cause(&self.id) {
            writeln!(f, "  likely cause   {cause}")?;
        }
        writeln!(f, "  what the clients sent (>>) and received (<<)")?;
        for line in &self.transcript {
            writeln!(f, "  {line}")?;
        }
        if !self.log.is_empty() {
            writeln!(f, "  the end of the server's log")?;
        }
        let log: Vec<&str> = self.log.lines().collect();
        for line in &log[log.len().saturating_sub(LOG_LINES_MAX)..] {
            writeln!(f, "    {}", shown(line.as_bytes()))?;
        }
        writeln!(f, "  seed           {}", self.seed)?;
        write!(f, "  run it again   {}", self.rerun)
    }
}

/// Writes both texts from shortly before their first difference, with a mark under it.
fn write_difference(f: &mut fmt::Formatter<'_>, expected: &[u8], received: &[u8]) -> fmt::Result {
    if expected.is_empty() && received.is_empty() {
        return Ok(());
    }
    let same = expected.iter().zip(received).take_while(|(left, right)| left == right).count();
    let start = same.saturating_sub(CONTEXT_BYTES);
    let or_nothing = |bytes: &[u8]| {
        if bytes.is_empty() { "(nothing)".to_owned() } else { shown(&bytes[start..]) }
    };
    writeln!(f, "  expected       {}", or_nothing(expected))?;
    writeln!(f, "  received       {}", or_nothing(received))?;
    if !expected.is_empty() && !received.is_empty() {
        let column = shown(&received[start..same]).chars().count();
        writeln!(f, "                 {:column$}^ the first difference, at byte {same}", "")?;
    }
    Ok(())
}

/// The bytes shown before the first difference.
const CONTEXT_BYTES: usize = 60;
const LOG_LINES_MAX: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_marked() {
        let failure = Failure {
            id: "RLY-03".into(),
            sentence: "Whole pairs.".into(),
            error: TestError::Broken {
                what: "bob received a different pair than expected".into(),
                expected: b"3         ann2         hi".into(),
                received: b"3         ann2         ho".into(),
            },
            transcript: vec!["   0.0001 s  ann >> hi".into()],
            log: String::new(),
            seed: 7,
            rerun: "again".into(),
        };
        let text = failure.to_string();
        let lines: Vec<&str> = text.lines().collect();
        let received = lines
            .iter()
            .position(|line| line.starts_with("  received "))
            .expect("it is in the report");
        assert_eq!(lines[received].rfind('o'), lines[received + 1].find('^'), "{text}");
        assert!(text.ends_with("run it again   again"), "{text}");
    }
}
