//! The plot: for each program the time under each policy beside `stop-the-world`, and the utilisation over 20 ms.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::table::{Row, ratio};

const FONT: &str = "sans-serif";
const LEGEND: u32 = 50;
const PANEL: u32 = 340;
/// Width of a program's bars.
const GROUP: usize = 110;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Colours that the colour-blind can tell apart (Okabe and Ito), for the policies in their order.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x99, 0x99, 0x99),
];

/// Draws the plot into a file.
pub fn draw(rows: &[Row], policies: &[&str], path: &Path) -> Result<(), Box<dyn Error>> {
    let mut programs: Vec<&str> = rows.iter().map(|row| row.program.as_str()).collect();
    programs.dedup();
    let width = (120 + GROUP * programs.len()).max(700) as u32;
    let root = SVGBackend::new(path, (width, LEGEND + 2 * PANEL)).into_drawing_area();
    root.fill(&WHITE)?;
    let (top, rest) = root.split_vertically(LEGEND);
    let mut x = 20;
    for (at, policy) in policies.iter().enumerate() {
        top.draw(&Rectangle::new([(x, 20), (x + 14, 34)], COLOURS[at % COLOURS.len()].filled()))?;
        top.draw(&Text::new(*policy, (x + 20, 20), (FONT, 15)))?;
        x += 36 + 9 * policy.len() as i32;
    }
    let panels = rest.split_evenly((2, 1));
    let times = |row: &Row| ratio(rows, row);
    bars(rows, &programs, policies, "processor time, beside stop-the-world", &times, &panels[0])?;
    let utilisation = |row: &Row| row.figures.utilisation[2];
    bars(rows, &programs, policies, "least utilisation over 20 ms", &utilisation, &panels[1])?;
    root.present()?;
    Ok(())
}

/// Draws a bar for each row, in groups by program.
fn bars(
    rows: &[Row],
    programs: &[&str],
    policies: &[&str],
    caption: &str,
    height: &dyn Fn(&Row) -> f64,
    area: &Area<'_>,
) -> Result<(), Box<dyn Error>> {
    let highest = rows.iter().map(height).fold(1.0, f64::max) * 1.05;
    let mut chart = ChartBuilder::on(area)
        .caption(caption, (FONT, 18))
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..programs.len() as f64, 0.0..highest)?;
    let name = |at: &f64| {
        let program = at.floor() as usize;
        // A label in the middle of each group.
        if (at - at.floor() - 0.5).abs() < 0.01 {
            programs.get(program).copied().unwrap_or_default().to_owned()
        } else {
            String::new()
        }
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(2 * programs.len() + 1)
        .x_label_formatter(&name)
        .light_line_style(WHITE)
        .label_style((FONT, 12))
        .draw()?;
    let width = 0.8 / policies.len() as f64;
    chart.draw_series(rows.iter().map(|row| {
        let program = programs.iter().position(|program| *program == row.program).unwrap_or(0);
        let policy = policies.iter().position(|policy| *policy == row.policy).unwrap_or(0);
        let left = program as f64 + 0.1 + policy as f64 * width;
        Rectangle::new([(left, 0.0), (left + width * 0.9, height(row))], COLOURS[policy % COLOURS.len()].filled())
    }))?;
    Ok(())
}
