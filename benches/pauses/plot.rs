//! The plot: the longest interruption against the depth of the stack, one panel a heap; then, for the largest heap and
//! the deepest stack, the distribution of the interruptions and the mutator's utilisation.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use crate::policy::Policy;
use crate::row::{QUANTILES, Row};
use crate::timeline::WINDOWS;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn Error>>;

const WIDTH: u32 = 1100;
const LEGEND: u32 = 60;
const PANEL: u32 = 330;
const FONT: &str = "sans-serif";

/// Colours that the colour-blind can tell apart (Okabe and Ito).
fn colour(policy: Policy) -> RGBColor {
    match policy {
        Policy::Insertion => RGBColor(0xE6, 0x9F, 0x00),
        Policy::Deletion => RGBColor(0xD5, 0x5E, 0x00),
        Policy::RootsFirst => RGBColor(0x00, 0x72, 0xB2),
        Policy::Hybrid => RGBColor(0x56, 0xB4, 0xE9),
        Policy::Watermark => RGBColor(0x00, 0x9E, 0x73),
        Policy::StopTheWorld => RGBColor(0xCC, 0x79, 0xA7),
        Policy::Control => RGBColor(0x99, 0x99, 0x99),
    }
}

/// Draws the whole plot into a file.
pub fn draw(rows: &[Row], path: &Path) -> Drawn {
    let mut lives: Vec<usize> = rows.iter().map(|row| row.live).collect();
    lives.dedup();
    let Some(&largest) = lives.last() else { return Ok(()) };
    let deepest = rows.iter().filter(|row| row.live == largest).map(|row| row.stack).max().unwrap_or(0);
    // A single heap has its panel above the two others, over the whole width.
    let rows_of_panels = (lives.len() + 2).div_ceil(2);
    let root = SVGBackend::new(path, (WIDTH, LEGEND + rows_of_panels as u32 * PANEL)).into_drawing_area();
    root.fill(&WHITE)?;
    let (top, rest) = root.split_vertically(LEGEND);
    legend(rows, &top)?;
    let areas = match lives.len() {
        1 => {
            let (first, others) = rest.split_vertically(PANEL);
            [vec![first], others.split_evenly((1, 2))].concat()
        }
        _ => rest.split_evenly((rows_of_panels, 2)),
    };
    let highest = rows.iter().map(|row| row.longest).fold(0.0, f64::max);
    for (&live, area) in lives.iter().zip(&areas) {
        let of_panel: Vec<&Row> = rows.iter().filter(|row| row.live == live).collect();
        against_stack(&of_panel, live, highest, area)?;
    }
    let last: Vec<&Row> = rows.iter().filter(|row| (row.live, row.stack) == (largest, deepest)).collect();
    let place = format!("{largest} MB live, a stack of {deepest} slots");
    distribution(&last, &place, &areas[lives.len()])?;
    utilisation(&last, &place, &areas[lives.len() + 1])?;
    root.present()?;
    Ok(())
}

fn legend(rows: &[Row], area: &Area<'_>) -> Drawn {
    let mut x = 20;
    for policy in Policy::ALL.into_iter().filter(|policy| rows.iter().any(|row| row.policy == *policy)) {
        let style = colour(policy).stroke_width(3);
        area.draw(&PathElement::new(vec![(x, 30), (x + 26, 30)], style))?;
        area.draw(&Circle::new((x + 13, 30), 4, colour(policy).filled()))?;
        let name = if policy == Policy::Control { "control: no collector" } else { policy.name() };
        area.draw(&Text::new(name, (x + 32, 22), (FONT, 16)))?;
        x += 32 + 10 * name.len() as i32 + 24;
    }
    Ok(())
}

/// A line with points.
macro_rules! curve {
    ($chart:expr, $policy:expr, $points:expr) => {{
        let (colour, points): (_, Vec<_>) = (colour($policy), $points.collect());
        $chart.draw_series(LineSeries::new(points.iter().copied(), colour.stroke_width(2)))?;
        $chart.draw_series(points.iter().map(|&point| Circle::new(point, 3, colour.filled())))?;
    }};
}

/// The axis begins at 0.01 ms, so that all panels have the same scale.
fn range_of_micros(highest: f64) -> std::ops::Range<f64> {
    1.0..(highest / 1000.0 * 2.0).max(100.0)
}

fn label_of_micros(micros: &f64) -> String {
    match *micros {
        micros if micros >= 1e6 => format!("{} s", micros / 1e6),
        micros if micros >= 1e3 => format!("{} ms", micros / 1e3),
        micros => format!("{micros} µs"),
    }
}

fn label_of_slots(slots: &f64) -> String {
    match *slots {
        slots if slots >= 1e6 => format!("{} M", slots / 1e6),
        slots if slots >= 1e3 => format!("{} k", slots / 1e3),
        slots => format!("{slots}"),
    }
}

fn against_stack(rows: &[&Row], live: usize, highest: f64, area: &Area<'_>) -> Drawn {
    let deepest = rows.iter().map(|row| row.stack).max().unwrap_or(1).max(10) as f64;
    let mut chart = ChartBuilder::on(area)
        .caption(format!("longest interruption, {live} MB live"), (FONT, 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d((0.8..deepest * 1.5).log_scale(), range_of_micros(highest).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("slots of the stack")
        .x_label_formatter(&label_of_slots)
        .y_label_formatter(&label_of_micros)
        .light_line_style(WHITE)
        .label_style((FONT, 13))
        .draw()?;
    for policy in Policy::ALL {
        let of_policy = rows.iter().filter(|row| row.policy == policy);
        curve!(chart, policy, of_policy.map(|row| (row.stack as f64, (row.longest / 1000.0).max(1.0))));
    }
    Ok(())
}

fn distribution(rows: &[&Row], place: &str, area: &Area<'_>) -> Drawn {
    let highest = rows.iter().map(|row| row.longest).fold(0.0, f64::max);
    let mut chart = ChartBuilder::on(area)
        .caption(format!("how long, {place}"), (FONT, 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(-0.2..QUANTILES.len() as f64 + 0.2, range_of_micros(highest).log_scale())?;
    // The last place is the longest.
    let labels: Vec<String> = QUANTILES.iter().map(|q| format!("p{}", (q * 1e6).round() / 1e4)).collect();
    chart
        .configure_mesh()
        .x_labels(QUANTILES.len() + 1)
        .x_label_formatter(&|at| labels.get(at.round() as usize).cloned().unwrap_or_else(|| "longest".into()))
        .y_label_formatter(&label_of_micros)
        .light_line_style(WHITE)
        .label_style((FONT, 13))
        .draw()?;
    for row in rows {
        let times = row.quantiles.into_iter().chain([row.longest]).enumerate();
        curve!(chart, row.policy, times.map(|(at, time)| (at as f64, (time / 1000.0).max(1.0))));
    }
    Ok(())
}

fn utilisation(rows: &[&Row], place: &str, area: &Area<'_>) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .caption(format!("least utilisation, {place}"), (FONT, 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(-0.2..WINDOWS.len() as f64 - 0.8, 0.0..1.02)?;
    let labels: Vec<String> = WINDOWS.iter().map(|&window| format!("{} ms", window as f64 / 1e6)).collect();
    chart
        .configure_mesh()
        .x_desc("window")
        .x_labels(WINDOWS.len())
        .x_label_formatter(&|at| labels.get(at.round() as usize).cloned().unwrap_or_default())
        .y_label_formatter(&|share| format!("{:.0} %", share * 100.0))
        .light_line_style(WHITE)
        .label_style((FONT, 13))
        .draw()?;
    for row in rows {
        curve!(chart, row.policy, row.utilisation.into_iter().enumerate().map(|(at, share)| (at as f64, share)));
    }
    Ok(())
}
