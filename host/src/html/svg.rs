//! Charts as SVG: axes, lines, points and bars in colours that the page's style sheet gives.

use std::fmt::Write;

/// Text as HTML and SVG take it, in elements and between quotation marks.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            // XML has no way to write these.
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A number for a person: three or so digits that count.
pub(super) fn short(value: f64) -> String {
    let text = match value.abs() {
        v if !value.is_finite() => {
            return if v.is_nan() { "–".into() } else { value.to_string() };
        }
        0.0 => return "0".into(),
        v if !(1e-4..1e5).contains(&v) => return format!("{value:.2e}"),
        v if v >= 100.0 => format!("{value:.1}"),
        v if v >= 10.0 => format!("{value:.2}"),
        v if v < 1e-3 => format!("{value:.5}"),
        _ => format!("{value:.3}"),
    };
    text.replace('-', "−")
}

/// A chart with two axes.
pub(super) struct Chart {
    size: (f64, f64),
    x: (f64, f64),
    y: (f64, f64),
    body: String,
    clip: String,
}

const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;

impl Chart {
    /// An empty chart over these ranges, with ticks and the names of its axes.
    pub(super) fn new(size: (f64, f64), x: (f64, f64), y: (f64, f64), names: [&str; 2]) -> Self {
        let mut chart =
            Self { size, x: wider(x), y: wider(y), body: String::new(), clip: String::new() };
        let (left, right) = (LEFT, size.0 - RIGHT);
        let (top, bottom) = (TOP, size.1 - BOTTOM);
        for tick in ticks(chart.x, ((right - left) / 70.0) as usize) {
            let at = chart.px(tick);
            chart.put(&format!(
                r#"<line class="grid" x1="{at:.1}" y1="{top}" x2="{at:.1}" y2="{bottom}"/><text class="tick" x="{at:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                bottom + 16.0,
                tick_text(tick)
            ));
        }
        // An axis without a name has no numbers either.
        let numbered = !names[1].is_empty();
        for tick in
            ticks(chart.y, ((bottom - top) / 45.0) as usize).into_iter().filter(|_| numbered)
        {
            let at = chart.py(tick);
            chart.put(&format!(
                r#"<line class="grid" x1="{left}" y1="{at:.1}" x2="{right}" y2="{at:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
                left - 6.0,
                at + 4.0,
                tick_text(tick)
            ));
        }
        let (middle_x, middle_y) = ((left + right) / 2.0, (top + bottom) / 2.0);
        chart.put(&format!(
            r#"<text class="name" x="{middle_x:.1}" y="{:.1}" text-anchor="middle">{}</text><text class="name" transform="translate(13 {middle_y:.1}) rotate(-90)" text-anchor="middle">{}</text>"#,
            size.1 - 8.0,
            escape(names[0]),
            escape(names[1])
        ));
        chart
    }

    fn put(&mut self, text: &str) {
        self.body += text;
    }

    /// Where a value lies from the left.
    fn px(&self, x: f64) -> f64 {
        LEFT + (x - self.x.0) / (self.x.1 - self.x.0) * (self.size.0 - LEFT - RIGHT)
    }

    /// Where a value lies from the top.
    fn py(&self, y: f64) -> f64 {
        self.size.1 - BOTTOM - (y - self.y.0) / (self.y.1 - self.y.0) * (self.size.1 - TOP - BOTTOM)
    }

    /// Lines from point to point; a point without a value is a gap.
    pub(super) fn line(&mut self, points: &[(f64, Option<f64>)], class: &str) {
        for run in points.split(|(_, y)| y.is_none_or(|y| !y.is_finite())) {
            let mut path = String::new();
            for (x, y) in run {
                let Some(y) = y else { continue };
                let _ = write!(path, "{:.1},{:.1} ", self.px(*x), self.py(*y));
            }
            // A single point has no line, but is to be seen.
            if let [(x, Some(y))] = run {
                self.dot(*x, *y, class, 3.0);
            } else if !run.is_empty() {
                let path = path.trim_end();
                let _ = write!(self.clip, r#"<polyline class="line {class}" points="{path}"/>"#);
            }
        }
    }

    /// A point.
    pub(super) fn dot(&mut self, x: f64, y: f64, class: &str, radius: f64) {
        let (x, y) = (self.px(x), self.py(y));
        let _ = write!(
            self.clip,
            r#"<circle class="dot {class}" cx="{x:.1}" cy="{y:.1}" r="{radius}"/>"#
        );
    }

    /// A box between two corners.
    pub(super) fn rect(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let (x0, x1) = (self.px(from.0), self.px(to.0));
        let (y0, y1) = (self.py(from.1), self.py(to.1));
        let _ = write!(
            self.clip,
            r#"<rect class="{class}" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}"/>"#,
            x0.min(x1),
            y0.min(y1),
            (x1 - x0).abs(),
            (y1 - y0).abs()
        );
    }

    /// A text at a point.
    pub(super) fn text(&mut self, x: f64, y: f64, text: &str, anchor: &str) {
        let (x, y) = (self.px(x), self.py(y));
        let text = escape(text);
        let _ = write!(
            self.clip,
            r#"<text class="mark" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        );
    }

    /// The chart, with what it is called and what it shows for those who cannot see it.
    pub(super) fn finish(self, title: &str, description: &str) -> String {
        let (width, height) = self.size;
        let frame = format!(
            r#"<rect class="frame" x="{LEFT}" y="{TOP}" width="{:.1}" height="{:.1}"/>"#,
            width - LEFT - RIGHT,
            height - TOP - BOTTOM
        );
        format!(
            r#"<svg class="chart" viewBox="0 0 {width} {height}" role="img"><title>{}</title><desc>{}</desc>{}{frame}{}</svg>"#,
            escape(title),
            escape(description),
            self.body,
            self.clip
        )
    }
}

/// A range that is not empty.
fn wider((low, high): (f64, f64)) -> (f64, f64) {
    if !(low.is_finite() && high.is_finite()) {
        return (0.0, 1.0);
    }
    if high > low { (low, high) } else { (low - 0.5, low + 0.5) }
}

/// A range around these values, with a twentieth of room on both sides.
pub(super) fn around(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.into_iter().filter(|value| value.is_finite()) {
        (low, high) = (low.min(value), high.max(value));
    }
    let room = (high - low) / 20.0;
    (low - room, high + room)
}

/// Round numbers within a range, about `count` of them.
fn ticks((low, high): (f64, f64), count: usize) -> Vec<f64> {
    let rough = (high - low) / count.max(2) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power);
    let step = step.into_iter().find(|step| *step >= rough * 0.999).unwrap_or(power * 10.0);
    let (first, last) = ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
    (first..=last.min(first + 50)).map(|times| times as f64 * step).collect()
}

/// A tick's number, with all digits that tell it from its neighbours.
fn tick_text(tick: f64) -> String {
    // Steps from 0 leave rounding errors in the last digits.
    let rounded: f64 = format!("{tick:.9e}").parse().unwrap_or(tick);
    let text = match rounded.abs() {
        size if size != 0.0 && !(1e-3..1e6).contains(&size) => format!("{rounded:e}"),
        _ => rounded.to_string(),
    };
    match text.strip_prefix('-') {
        Some(size) => format!("−{size}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_range() {
        assert_eq!(ticks((0.0, 1.0), 5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks((61.3, 89.0), 5), [70.0, 80.0]);
        assert_eq!(ticks((-3.0, 4.0), 4), [-2.0, 0.0, 2.0, 4.0]);
        assert_eq!([0.6000000000000001, -20.0, 2e-7].map(tick_text), ["0.6", "−20", "2e-7"]);
    }

    #[test]
    fn no_two_ticks_have_one_label() {
        let texts = |low, high| ticks((low, high), 5).into_iter().map(tick_text).collect();
        let small: Vec<String> = texts(2e-4, 3e-4);
        assert_eq!(small, ["2e-4", "2.2e-4", "2.4e-4", "2.6e-4", "2.8e-4", "3e-4"]);
        let large: Vec<String> = texts(1.4e6, 1.6e6);
        assert_eq!(large, ["1.4e6", "1.45e6", "1.5e6", "1.55e6", "1.6e6"]);
        for low in [-3e-4, 0.0, 0.5, 1e6, 7.25e8] {
            for width in [1e-5, 1e-3, 0.3, 12.0, 5e3] {
                let all: Vec<String> = texts(low, low + width * f64::max(1.0, low));
                let mut apart = all.clone();
                apart.sort();
                apart.dedup();
                assert_eq!(apart.len(), all.len(), "{all:?}");
            }
        }
    }

    #[test]
    fn texts_cannot_leave_their_places() {
        assert_eq!(escape("<a b='\"'>&\u{1b}"), "&lt;a b=&#39;&quot;&#39;&gt;&amp;\u{fffd}");
        let mut chart = Chart::new((300.0, 200.0), (0.0, 1.0), (0.0, 1.0), ["<x>", "y"]);
        chart.text(0.5, 0.5, "</svg>", "middle");
        let svg = chart.finish("<script>", "\"");
        assert!(!svg.contains("<script>") && !svg.contains("<x>"), "{svg}");
        assert_eq!(svg.matches("</svg>").count(), 1);
    }

    #[test]
    fn numbers_have_the_digits_that_count() {
        let written = [0.0, 0.12345, -3.0, 12.345, 234.56, 1e-5, f64::NAN].map(short);
        assert_eq!(written, ["0", "0.123", "−3.000", "12.35", "234.6", "1.00e-5", "–"]);
    }
}
