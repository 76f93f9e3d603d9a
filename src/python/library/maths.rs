//! `math`, and the constants of modules.
//!
//! *Promises*: the functions give what CPython's give, to the last digit that a standard library
//! agrees on; a result of more than 64 bits is an `OverflowError` that says so.
//! *Leaves out*: `floor`, `ceil` and `sqrt` (`python/library/modules.rs`).

use crate::python::machine::interpreter::{Machine, Row};
use crate::python::machine::operators::as_float;
use crate::python::machine::terms::{Arguments, Done, R, value};
use crate::python::value::any::Value;
use crate::python::value::object::Object;
use crate::python::value::types::Type;

/// The rows of this file.
pub const ROWS: &[Row] = &[
    Row::c("math.trunc", None, trunc),
    Row::c("math.gcd", None, |m, a| folded(m, a, 0, gcd)),
    Row::c("math.lcm", None, |m, a| {
        folded(m, a, 1, |a, b| match gcd(a, b)? {
            0 => Some(0),
            divisor => (a / divisor).checked_mul(b).and_then(i64::checked_abs),
        })
    }),
    Row::c("math.factorial", None, factorial),
    Row::c("math.comb", None, |m, a| chosen(m, a, true)),
    Row::c("math.perm", None, |m, a| chosen(m, a, false)),
    Row::c("math.prod", Some(0), prod),
    Row::c("math.fsum", Some(0), fsum),
    Row::c("math.isqrt", None, isqrt),
    Row::c("math.isnan", None, |m, a| asked(m, a, f64::is_nan)),
    Row::c("math.isinf", None, |m, a| asked(m, a, f64::is_infinite)),
    Row::c("math.isfinite", None, |m, a| asked(m, a, f64::is_finite)),
    Row::c("math.isclose", None, isclose),
    Row::c("math.fabs", None, |m, a| real(m, a, f64::abs)),
    Row::c("math.exp", None, |m, a| real(m, a, f64::exp)),
    Row::c("math.log", None, log),
    Row::c("math.log2", None, |m, a| logarithm(m, a, f64::log2)),
    Row::c("math.log10", None, |m, a| logarithm(m, a, f64::log10)),
    Row::c("math.log1p", None, |m, a| real(m, a, f64::ln_1p)),
    Row::c("math.sin", None, |m, a| real(m, a, f64::sin)),
    Row::c("math.cos", None, |m, a| real(m, a, f64::cos)),
    Row::c("math.tan", None, |m, a| real(m, a, f64::tan)),
    Row::c("math.asin", None, |m, a| real(m, a, f64::asin)),
    Row::c("math.acos", None, |m, a| real(m, a, f64::acos)),
    Row::c("math.atan", None, |m, a| real(m, a, f64::atan)),
    Row::c("math.sinh", None, |m, a| real(m, a, f64::sinh)),
    Row::c("math.cosh", None, |m, a| real(m, a, f64::cosh)),
    Row::c("math.tanh", None, |m, a| real(m, a, f64::tanh)),
    Row::c("math.degrees", None, |m, a| real(m, a, |x| x * (180.0 / std::f64::consts::PI))),
    Row::c("math.radians", None, |m, a| real(m, a, |x| x * (std::f64::consts::PI / 180.0))),
    Row::c("math.atan2", None, |m, a| pair(m, a, f64::atan2)),
    Row::c("math.pow", None, |m, a| pair(m, a, f64::powf)),
    Row::c("math.copysign", None, |m, a| pair(m, a, f64::copysign)),
    Row::c("math.fmod", None, |m, a| pair(m, a, |x, y| x % y)),
    Row::c("math.hypot", None, hypot),
    Row::c("math.dist", None, dist),
    Row::c("math.modf", None, modf),
    Row::c("int.bit_length", None, |m, a| bits(m, a, |n| 64 - n.leading_zeros())),
    Row::c("int.bit_count", None, |m, a| bits(m, a, u64::count_ones)),
    Row::c("int.conjugate", None, |_, a| value(a.values.first().copied().unwrap_or(Value::None))),
    Row::c("int.is_integer", None, |_, _| value(Value::Bool(true))),
    Row::c("float.is_integer", None, |m, a| asked(m, a, |x| x.fract() == 0.0)),
];

impl Machine {
    /// A constant of a module.
    pub(crate) fn module_constant(&mut self, module: &str, name: &str) -> Option<Value> {
        let letters = "abcdefghijklmnopqrstuvwxyz";
        let text = match (module, name) {
            ("math", "pi") => return Some(Value::Float(std::f64::consts::PI)),
            ("math", "e") => return Some(Value::Float(std::f64::consts::E)),
            ("math", "tau") => return Some(Value::Float(std::f64::consts::TAU)),
            ("math", "inf") => return Some(Value::Float(f64::INFINITY)),
            ("math", "nan") => return Some(Value::Float(f64::NAN)),
            ("sys", "maxsize") => return Some(Value::Int(i64::MAX)),
            ("sys", "argv") => {
                let script = self.text_value("<program>");
                return Some(self.add(Object::List(vec![script])));
            }
            ("sys", "version_info") => {
                let final_level = self.text_value("final");
                let numbers = [3, 12, 1].map(Value::Int).into_iter();
                let all = numbers.chain([final_level, Value::Int(0)]).collect();
                return Some(self.add(Object::Tuple(all)));
            }
            ("typing", "TYPE_CHECKING") => return Some(Value::Bool(false)),
            // Types are for readers; here nothing reads them.
            ("typing" | "__future__", _) => return Some(Value::Type(Type::Object)),
            ("sys", "version") => "3.12.1".to_owned(),
            ("sys", "platform") => "linux".to_owned(),
            ("string", "ascii_lowercase") => letters.to_owned(),
            ("string", "ascii_uppercase") => letters.to_uppercase(),
            ("string", "ascii_letters") => format!("{letters}{}", letters.to_uppercase()),
            ("string", "digits") => "0123456789".to_owned(),
            ("string", "hexdigits") => "0123456789abcdefABCDEF".to_owned(),
            ("string", "octdigits") => "01234567".to_owned(),
            ("string", "punctuation") => "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".to_owned(),
            ("string", "whitespace") => " \t\n\r\x0b\x0c".to_owned(),
            ("string", "printable") => format!(
                "0123456789{letters}{}!\"#$%&'()*+,-./:;<=>?@[\\]^_`{{|}}~ \t\n\r\x0b\x0c",
                letters.to_uppercase()
            ),
            _ => return None,
        };
        Some(self.text_value(&text))
    }

    fn real_argument(&mut self, x: Value) -> R<f64> {
        match as_float(x) {
            Some(float) => Ok(float),
            None => {
                let name = self.type_name(x);
                self.type_error(format!("must be real number, not {name}"))
            }
        }
    }

    fn int_result(&mut self, int: Option<i64>) -> R<Done> {
        value(Value::Int(self.fitting(int)?))
    }
}

fn bits(m: &mut Machine, a: &Arguments, f: fn(u64) -> u32) -> R<Done> {
    let [x] = m.sorted(a, "bit_length", 1, ["self"])?;
    let int = m.int_argument(x)?;
    value(Value::Int(i64::from(f(int.unsigned_abs()))))
}

fn gcd(a: i64, b: i64) -> Option<i64> {
    let (mut a, mut b) = (a.unsigned_abs(), b.unsigned_abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    i64::try_from(a).ok()
}

fn folded(m: &mut Machine, a: &Arguments, start: i64, f: fn(i64, i64) -> Option<i64>) -> R<Done> {
    let mut total = Some(start);
    for x in &a.values {
        let x = m.int_argument(*x)?;
        total = total.and_then(|total| f(total, x));
    }
    m.int_result(total)
}

fn trunc(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "trunc", 1, ["x"])?;
    if let Some(int) = x.as_int() {
        return value(Value::Int(int));
    }
    if m.class_of(x).is_some() {
        return m.convert(x, &["__trunc__"], "there is no method __trunc__");
    }
    let float = m.real_argument(x)?;
    value(Value::Int(m.as_whole(float.trunc())?))
}

fn factorial(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "factorial", 1, ["x"])?;
    let n = m.int_argument(x)?;
    if n < 0 {
        return m.value_error("factorial() not defined for negative values");
    }
    let product = (1..=n.min(30)).try_fold(1_i64, i64::checked_mul);
    m.int_result(product.filter(|_| n <= 30))
}

fn chosen(m: &mut Machine, a: &Arguments, unordered: bool) -> R<Done> {
    let [n, k] = m.sorted(a, "comb", 1, ["n", "k"])?;
    let n = m.int_argument(n)?;
    let k = if k == Value::Unset || k == Value::None { n } else { m.int_argument(k)? };
    if n < 0 || k < 0 {
        return m.value_error("n must be a non-negative integer");
    }
    if k > n {
        return value(Value::Int(0));
    }
    let k = if unordered { k.min(n - k) } else { k };
    let mut total = Some(1_i128);
    for i in 0..k {
        total = total.and_then(|total| total.checked_mul(i128::from(n - i)));
        if unordered {
            total = total.map(|total| total / i128::from(i + 1));
        }
        if total.is_none_or(|total| total > i128::from(i64::MAX) * 1000) {
            return m.int_result(None);
        }
    }
    m.int_result(total.and_then(|total| i64::try_from(total).ok()))
}

fn prod(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items, start] = m.sorted(a, "prod", 1, ["iterable", "start"])?;
    let mut total = if start == Value::Unset { Value::Int(1) } else { start };
    for item in m.items(items)? {
        let operator = crate::python::front::tree::BinaryOperator::Multiply;
        total = match m.numbers(operator, total, item)? {
            Some(product) => product,
            None => return m.type_error("unsupported operand type(s) for *"),
        };
    }
    value(total)
}

fn fsum(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [items] = m.sorted(a, "fsum", 1, ["iterable"])?;
    let mut partials: Vec<f64> = Vec::new();
    for item in m.items(items)? {
        let mut x = m.real_argument(item)?;
        let mut kept = Vec::new();
        for mut y in partials {
            if x.abs() < y.abs() {
                std::mem::swap(&mut x, &mut y);
            }
            let high = x + y;
            let low = y - (high - x);
            if low != 0.0 {
                kept.push(low);
            }
            x = high;
        }
        kept.push(x);
        partials = kept;
    }
    value(Value::Float(partials.iter().sum()))
}

fn isqrt(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "isqrt", 1, ["n"])?;
    let n = m.int_argument(x)?;
    match u64::try_from(n) {
        Ok(n) => value(Value::Int(i64::try_from(n.isqrt()).unwrap_or(0))),
        Err(_) => m.value_error("isqrt() argument must be nonnegative"),
    }
}

fn asked(m: &mut Machine, a: &Arguments, f: fn(f64) -> bool) -> R<Done> {
    let [x] = m.sorted(a, "isnan", 1, ["x"])?;
    let float = m.real_argument(x)?;
    value(Value::Bool(f(float)))
}

fn isclose(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x, y, relative, absolute] = m.sorted(a, "isclose", 2, ["a", "b", "rel_tol", "abs_tol"])?;
    let (x, y) = (m.real_argument(x)?, m.real_argument(y)?);
    let relative = if relative == Value::Unset { 1e-9 } else { m.real_argument(relative)? };
    let absolute = if absolute == Value::Unset { 0.0 } else { m.real_argument(absolute)? };
    let near = (x - y).abs() <= (relative * x.abs().max(y.abs())).max(absolute);
    #[allow(clippy::float_cmp, reason = "as Python's")]
    value(Value::Bool(x == y || (x.is_finite() && y.is_finite() && near)))
}

fn real(m: &mut Machine, a: &Arguments, f: fn(f64) -> f64) -> R<Done> {
    let [x] = m.sorted(a, "exp", 1, ["x"])?;
    let x = m.real_argument(x)?;
    checked(m, f(x), x.is_finite(), x.is_nan())
}

fn checked(m: &mut Machine, result: f64, finite: bool, nan: bool) -> R<Done> {
    if result.is_nan() && !nan {
        return m.value_error("math domain error");
    }
    if result.is_infinite() && finite {
        return Err(m.error("OverflowError", "math range error"));
    }
    value(Value::Float(result))
}

fn logarithm(m: &mut Machine, a: &Arguments, f: fn(f64) -> f64) -> R<Done> {
    let [x] = m.sorted(a, "log2", 1, ["x"])?;
    let x = m.real_argument(x)?;
    if x <= 0.0 {
        return m.value_error("math domain error");
    }
    value(Value::Float(f(x)))
}

fn log(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x, base] = m.sorted(a, "log", 1, ["x", "base"])?;
    let x = m.real_argument(x)?;
    if x <= 0.0 {
        return m.value_error("math domain error");
    }
    if base == Value::Unset {
        return value(Value::Float(x.ln()));
    }
    let base = m.real_argument(base)?;
    if base <= 0.0 {
        return m.value_error("math domain error");
    }
    if base.ln() == 0.0 {
        return Err(m.error("ZeroDivisionError", "float division by zero"));
    }
    value(Value::Float(x.ln() / base.ln()))
}

fn pair(m: &mut Machine, a: &Arguments, f: fn(f64, f64) -> f64) -> R<Done> {
    let [x, y] = m.sorted(a, "pow", 2, ["x", "y"])?;
    let (x, y) = (m.real_argument(x)?, m.real_argument(y)?);
    checked(m, f(x, y), x.is_finite() && y.is_finite(), x.is_nan() || y.is_nan())
}

fn hypot(m: &mut Machine, a: &Arguments) -> R<Done> {
    let mut total = 0.0_f64;
    for x in &a.values {
        let x = m.real_argument(*x)?;
        total = total.hypot(x);
    }
    value(Value::Float(total))
}

fn dist(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [p, q] = m.sorted(a, "dist", 2, ["p", "q"])?;
    let (p, q) = (m.items(p)?, m.items(q)?);
    if p.len() != q.len() {
        return m.value_error("both points must have the same number of dimensions");
    }
    let mut total = 0.0_f64;
    for (x, y) in p.into_iter().zip(q) {
        let (x, y) = (m.real_argument(x)?, m.real_argument(y)?);
        total = total.hypot(x - y);
    }
    value(Value::Float(total))
}

fn modf(m: &mut Machine, a: &Arguments) -> R<Done> {
    let [x] = m.sorted(a, "modf", 1, ["x"])?;
    let x = m.real_argument(x)?;
    let parts = vec![Value::Float(x.fract()), Value::Float(x.trunc())];
    value(m.add(Object::Tuple(parts)))
}
