//! The wires of a stack as an SVG 1.1 image: a box for each instance with a line for each import, from which its wire
//! leads to the provider.

use super::{
    How, Resolution, Wire,
    draw::label,
    layout::{Layout, Path, Place},
};
use crate::name::InstanceName;
use std::fmt::Write as _;

/// Height of a line of text.
const LINE: usize = 16;
/// Vertical distance of boxes.
const GAP: usize = 12;
/// Between columns.
const SPACE: usize = 90;
/// Width of a character, a little more than most.
const CHAR: usize = 7;
/// Distance to the edges.
const MARGIN: usize = 16;

/// The position of a box: its upper left corner and its size.
#[derive(Clone, Copy, Default)]
struct Frame {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

/// Draws the wires: automatic ones dashed, new ones thick, external providers grey. `names` are all instances of the
/// stack.
pub fn svg<'a>(names: impl IntoIterator<Item = &'a InstanceName>, resolution: &Resolution) -> String {
    let layout = Layout::of(names, resolution);
    let frames = frames(&layout);
    let width = frames.iter().map(|frame| frame.x + frame.width).max().unwrap_or(0) + MARGIN;
    let height = frames.iter().map(|frame| frame.y + frame.height).max().unwrap_or(0) + MARGIN;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    for path in &layout.paths {
        wire(&layout, &frames, path, &mut text);
    }
    for (place, frame) in layout.places.iter().zip(&frames) {
        if let Place::Box { name, links, outside } = place {
            boxed(name, links, *outside, *frame, &mut text);
        }
    }
    text.push_str("</svg>\n");
    text
}

/// Columns side by side, each centred vertically.
fn frames(layout: &Layout<'_>) -> Vec<Frame> {
    let size = |place: usize| match &layout.places[place] {
        Place::Box { name, links, .. } => {
            let longest = links.iter().map(|link| label(link).chars().count()).max().unwrap_or(0);
            let width = name.chars().count().max(longest) * CHAR + 2 * GAP;
            (width, LINE * (links.len() + 1) + GAP)
        }
        Place::Pass => (0, LINE / 2),
    };
    let tall = |column: &[usize]| column.iter().map(|place| size(*place).1 + GAP).sum::<usize>();
    let tallest = layout.columns.iter().map(|column| tall(column)).max().unwrap_or(0);
    let mut frames = vec![Frame::default(); layout.places.len()];
    let mut x = MARGIN;
    for column in &layout.columns {
        let widest = column.iter().map(|place| size(*place).0).max().unwrap_or(0);
        let mut y = MARGIN + (tallest - tall(column)) / 2;
        for place in column {
            let (_, height) = size(*place);
            frames[*place] = Frame { x, y, width: widest, height };
            y += height + GAP;
        }
        x += widest + SPACE;
    }
    frames
}

fn wire(layout: &Layout<'_>, frames: &[Frame], path: &Path<'_>, text: &mut String) {
    let (Some(first), Some(last)) = (path.places.first(), path.places.last()) else { return };
    let from = frames[*first];
    let number = match &layout.places[*first] {
        Place::Box { links, .. } => links.iter().position(|link| std::ptr::eq(*link, path.link)).unwrap_or(0),
        Place::Pass => 0,
    };
    let mut at = (from.x + from.width, from.y + LINE * (number + 1) + GAP / 2 + LINE / 2);
    let mut curve = format!("M{} {}", at.0, at.1);
    for place in &path.places[1..] {
        let frame = frames[*place];
        let to = (frame.x, frame.y + if place == last { LINE / 2 + GAP / 2 } else { frame.height / 2 });
        // To the left only within a cycle.
        let bend = at.0.abs_diff(to.0) / 2;
        let (out, back) = (at.0 + bend, to.0.saturating_sub(bend));
        let _ = write!(curve, " C{out} {} {back} {} {} {}", at.1, to.1, to.0, to.1);
        at = to;
        if place != last {
            at.0 += frame.width;
            let _ = write!(curve, " H{}", at.0);
        }
    }
    let dashes = if path.link.how == How::Auto { " stroke-dasharray=\"5 3\"" } else { "" };
    let width = if path.link.new { 2 } else { 1 };
    let link = path.link;
    let title = escaped(&format!(
        "{}.{} -> {} ({}, {})",
        link.consumer, link.import, link.to, link.contract, link.how
    ));
    let _ = writeln!(
        text,
        "<path d=\"{curve}\" fill=\"none\" stroke=\"#3366aa\" stroke-width=\"{width}\"{dashes}><title>{title}</title></path>"
    );
}

fn boxed(name: &str, links: &[&Wire], outside: bool, frame: Frame, text: &mut String) {
    let Frame { x, y, width, height } = frame;
    let fill = if outside { "#dddddd" } else { "#f4f8ff" };
    let _ = writeln!(
        text,
        "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"4\" fill=\"{fill}\" stroke=\"#334\"/>\n\
         <text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>",
        x + GAP / 2,
        y + LINE,
        escaped(name)
    );
    for (line, link) in links.iter().enumerate() {
        let _ = writeln!(
            text,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"#334\">{}</text>",
            x + width - GAP / 2,
            y + LINE * (line + 2),
            escaped(&label(link))
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
