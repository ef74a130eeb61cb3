//! Steady: repeats the warm-up until two successive readings agree.

/// Takes readings until one agrees with the previous one, at most `most`. Returns whether two agreed.
/// Readings agree if they differ by at most the share `apart` of the greater one.
///
/// # Errors
///
/// The error of a reading.
pub(super) fn warm_up<E>(
    most: u32,
    apart: f64,
    mut reading: impl FnMut() -> Result<f64, E>,
) -> Result<bool, E> {
    let mut last = reading()?;
    for _ in 1..most {
        let next = reading()?;
        if (next - last).abs() <= apart * last.max(next) {
            return Ok(true);
        }
        last = next;
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warmed(readings: &[f64]) -> (bool, usize) {
        let mut taken = 0;
        let steady = warm_up(4, 0.15, || {
            taken += 1;
            Ok::<_, ()>(readings[taken - 1])
        });
        (steady.expect("no reading fails"), taken)
    }

    #[test]
    fn two_readings_that_agree_end_the_warm_up() {
        assert_eq!((true, 2), warmed(&[100.0, 90.0]));
        assert_eq!((true, 3), warmed(&[10.0, 100.0, 110.0]));
        assert_eq!((false, 4), warmed(&[10.0, 20.0, 40.0, 80.0]));
    }

    #[test]
    fn a_failed_reading_is_returned() {
        assert_eq!(Err("lost"), warm_up(3, 0.1, || Err("lost")));
    }
}
