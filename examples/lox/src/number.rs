//! Writes numbers as C's `printf("%g")` does: six significant digits, no trailing zeros.

use std::io::{self, Write};

/// The significant digits of `%g`.
const DIGITS: i32 = 6;

/// Writes `x` as C's `%g` does.
pub fn write(out: &mut dyn Write, x: f64) -> io::Result<()> {
    if !x.is_finite() {
        let sign = if x.is_sign_negative() { "-" } else { "" };
        return write!(out, "{sign}{}", if x.is_nan() { "nan" } else { "inf" });
    }
    // Programs mostly print whole numbers of at most six digits.
    if x.abs() < 1e6 && x == x.trunc() {
        let sign = if x == 0.0 && x.is_sign_negative() { "-" } else { "" };
        return write!(out, "{sign}{}", x as i32);
    }
    // Rounding may carry into a seventh digit, so the exponent is taken from the rounded number.
    let rounded = format!("{x:.*e}", DIGITS as usize - 1);
    let (mantissa, exponent) = rounded.split_once('e').expect("{:e} writes an exponent");
    let exponent: i32 = exponent.parse().expect("{:e} writes a decimal exponent");
    if (-4..DIGITS).contains(&exponent) {
        let fixed = format!("{x:.*}", (DIGITS - 1 - exponent) as usize);
        out.write_all(trim(&fixed).as_bytes())
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(out, "{}e{sign}{:02}", trim(mantissa), exponent.abs())
    }
}

/// Removes the zeros that end a fraction, and the point if nothing is left behind it.
fn trim(decimal: &str) -> &str {
    if decimal.contains('.') { decimal.trim_end_matches('0').trim_end_matches('.') } else { decimal }
}

#[cfg(test)]
mod tests {
    fn g(x: f64) -> String {
        let mut out = Vec::new();
        super::write(&mut out, x).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn as_c_writes_them() {
        for (x, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (123_456.0, "123456"),
            (999_999.5, "1e+06"),
            (1_000_000.0, "1e+06"),
            (1_234_565.0, "1.23456e+06"),
            (1_234_575.0, "1.23458e+06"),
            (0.1, "0.1"),
            (2.5, "2.5"),
            (1.0 / 3.0, "0.333333"),
            (0.0001, "0.0001"),
            (0.000_099_999_999, "0.0001"),
            (0.00001, "1e-05"),
            (1e100, "1e+100"),
            (5e-324, "4.94066e-324"),
            (1.7976931348623157e308, "1.79769e+308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN.copysign(1.0), "nan"),
            (f64::NAN.copysign(-1.0), "-nan"),
        ] {
            assert_eq!(g(x), text);
            if !x.is_nan() && !text.starts_with('-') {
                assert_eq!(g(-x), format!("-{text}"));
            }
        }
    }
}
