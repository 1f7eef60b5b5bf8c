//! Arithmetic on amounts. They have 128 bits, but most fit 64, where a machine multiplies and divides in one step.

/// Multiply an amount by a count.
#[inline(always)]
pub fn times(amount: i128, count: i64) -> i128 {
    match i64::try_from(amount) {
        // Two words make at most two words: nothing can overflow here.
        Ok(amount) => i128::from(amount) * i128::from(count),
        Err(_) => amount * i128::from(count),
    }
}

/// Divide toward plus infinity.
#[inline(always)]
pub fn ceil_div(dividend: i128, divisor: i128) -> i128 {
    if let (Ok(dividend), Ok(divisor)) = (i64::try_from(dividend), i64::try_from(divisor)) {
        let quotient = dividend.div_euclid(divisor);
        return i128::from(quotient + i64::from(dividend.rem_euclid(divisor) != 0));
    }
    dividend.div_euclid(divisor) + i128::from(dividend.rem_euclid(divisor) != 0)
}

#[cfg(test)]
mod tests {
    use super::{ceil_div, times};

    #[test]
    fn products_are_exact_on_both_sides_of_a_word() {
        for big in [1, 1 << 62, 1 << 63, 1 << 80] {
            assert_eq!(times(3 * big, -7), -21 * big);
            assert_eq!(times(-big, i64::from(i32::MAX)), -big * i128::from(i32::MAX));
        }
        assert_eq!(times(i128::from(i64::MIN), i64::MIN), 1 << 126);
    }

    #[test]
    fn division_rounds_up_on_both_sides_of_zero_and_of_a_word() {
        for big in [1, 1 << 70] {
            assert_eq!(ceil_div(7 * big, 2 * big), 4);
            assert_eq!(ceil_div(-7 * big, 2 * big), -3);
            assert_eq!(ceil_div(8 * big, 2 * big), 4);
        }
    }
}
