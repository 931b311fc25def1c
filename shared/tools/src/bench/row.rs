//! The rows of the results, one per case and repetition, and the table of their medians.

use serde::Serialize;

use super::{load::Load, peers::Peers, plan::Programs};
use crate::cluster::Engine;

/// One repetition of one case. What does not apply is none.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Row {
    case: &'static str,
    database: Option<&'static str>,
    programs: Option<Programs>,
    in_flight: Option<usize>,
    /// Per second, or in the unit that the case names.
    rate: Option<f64>,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    control: Option<f64>,
    ratio: Option<f64>,
    /// The idle share of the machine meanwhile.
    idle: Option<f64>,
}

impl Row {
    /// A single figure.
    pub(super) fn figure(case: &'static str, rate: f64) -> Self {
        Self { case, rate: Some(rate), ..Self::default() }
    }

    /// A row for the outcome of calls.
    pub(super) fn of(case: &'static str, in_flight: usize, load: &Load) -> Self {
        let quantile = |share: f64| Some(load.took.value_at_quantile(share) as f64 / 1000.0);
        Self {
            in_flight: Some(in_flight),
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            idle: Some(load.idle),
            ..Self::figure(case, load.rate())
        }
    }

    /// Of programs on a database.
    pub(super) fn on(self, engine: Engine, programs: Programs) -> Self {
        Self { database: Some(name(engine)), programs: Some(programs), ..self }
    }

    /// Of calls at a pace that was given: their duration is the figure.
    pub(super) fn paced(self) -> Self {
        Self { rate: None, ..self }
    }

    /// Beside its control.
    pub(super) fn against(self, control: f64) -> Self {
        Self { control: Some(control), ratio: self.rate.map(|rate| rate / control), ..self }
    }

    /// With so many calls under way.
    pub(super) fn at(self, in_flight: usize) -> Self {
        Self { in_flight: Some(in_flight), ..self }
    }

    /// With the idle share of the machine.
    pub(super) fn idle(self, idle: f64) -> Self {
        Self { idle: Some(idle), ..self }
    }

    fn is_of(&self, other: &Self) -> bool {
        (self.case, self.database, self.in_flight) == (other.case, other.database, other.in_flight)
    }

    fn is_before(&self) -> bool {
        self.programs == Some(Programs::Before)
    }

    /// The figure by which versions are compared.
    fn own(&self) -> Option<f64> {
        self.rate.or(self.p50_ms)
    }
}

fn name(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "sqlite",
        Engine::Postgres => "postgres",
    }
}

/// All that was measured.
pub struct Rows<'a> {
    rows: Vec<Row>,
    /// Is shown each row as one line of JSON when it comes.
    see: &'a mut dyn FnMut(String),
}

impl<'a> Rows<'a> {
    /// None yet.
    pub fn new(see: &'a mut dyn FnMut(String)) -> Self {
        Self { rows: Vec::new(), see }
    }

    pub(super) fn add(&mut self, row: Row) {
        // A row has nothing that JSON cannot express.
        (self.see)(serde_json::to_string(&row).unwrap_or_default());
        self.rows.push(row);
    }

    /// Medians with their ranges, in Markdown. Figures of another version stand beside those of this one.
    ///
    /// # Errors
    /// Fails if the peers' figures cannot be read.
    pub fn table(&self) -> Result<String, String> {
        let peers = Peers::read()?;
        let (before, now): (Vec<&Row>, Vec<&Row>) = self.rows.iter().partition(|row| row.is_before());
        let compared: &[&str] = if before.is_empty() { &[] } else { &["before", "now/before"] };
        let others = format!("others ({})", peers.measured);
        let head = ["case", "database", "in flight", "rate", "p50 ms", "p99 ms", "control", "ratio"];
        let head = [head.as_slice(), compared, &["idle", &others]].concat();
        let mut lines = vec![line(&head), format!("|{}", "---|".repeat(head.len()))];
        for (place, first) in now.iter().enumerate() {
            if now[..place].iter().any(|row| row.is_of(first)) {
                continue;
            }
            let same: Vec<&Row> = now.iter().copied().filter(|row| row.is_of(first)).collect();
            let spread = |figure: fn(&Row) -> Option<f64>| Spread::of(same.iter().filter_map(|row| figure(row)));
            let (rate, p50) = (spread(|row| row.rate), spread(|row| row.p50_ms));
            let in_flight = first.in_flight.unwrap_or_default();
            let others = peers.of(first.case, in_flight, rate.map(|it| it.median), p50.map(|it| it.median));
            let mut cells = vec![
                first.case.to_owned(),
                or_dash(first.database),
                or_dash(first.in_flight),
                or_dash(rate),
                or_dash(p50),
                or_dash(spread(|row| row.p99_ms)),
                or_dash(spread(|row| row.control)),
                or_dash(spread(|row| row.ratio)),
            ];
            if !compared.is_empty() {
                let earlier = before.iter().filter(|row| row.is_of(first)).filter_map(|row| row.own());
                let pairs = same.iter().filter_map(|row| row.own()).zip(earlier.clone());
                // Nothing is a multiple of zero, such as the processor time of a service at rest.
                let ratios = pairs.filter(|(_, then)| *then > 0.0).map(|(now, then)| now / then);
                cells.extend([or_dash(Spread::of(earlier)), or_dash(Spread::of(ratios))]);
            }
            cells.extend([or_dash(spread(|row| row.idle)), others]);
            lines.push(line(&cells));
        }
        Ok(lines.join("\n"))
    }
}

/// A line of a table.
fn line<C: AsRef<str>>(cells: &[C]) -> String {
    let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
    format!("| {} |", cells.join(" | "))
}

fn or_dash(cell: Option<impl ToString>) -> String {
    cell.map_or("–".to_owned(), |cell| cell.to_string())
}

/// A median with its range.
#[derive(Clone, Copy)]
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(figures: impl Iterator<Item = f64>) -> Option<Self> {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let (least, most) = (*figures.first()?, *figures.last()?);
        let middle = figures.len() / 2;
        let median =
            if figures.len() % 2 == 1 { figures[middle] } else { f64::midpoint(figures[middle - 1], figures[middle]) };
        Some(Self { median, least, most })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}–{})", short(self.median), short(self.least), short(self.most))
    }
}

/// To about three digits.
fn short(figure: f64) -> String {
    match figure {
        _ if figure >= 100.0 => format!("{figure:.0}"),
        _ if figure >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

    use super::*;

    fn table(measured: impl FnOnce(&mut Rows<'_>)) -> Vec<String> {
        let mut see = |_| ();
        let mut rows = Rows::new(&mut see);
        measured(&mut rows);
        rows.table().unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_repetition_is_compared_with_that_of_the_other_version() {
        let lines = table(|rows| {
            // The machine is twice as fast the second time, for both.
            for (before, now) in [(100.0, 110.0), (200.0, 240.0), (100.0, 130.0)] {
                let mut add = |programs, rate| rows.add(Row::figure("size", rate).on(Engine::Sqlite, programs));
                add(Programs::Before, before);
                add(Programs::Now, now);
            }
        });
        assert!(lines[0].contains("| ratio | before | now/before | idle |"), "{}", lines[0]);
        let row = "| size | sqlite | – | 130 (110–240) | – | – | – | – | 100 (100–200) | 1.20 (1.10–1.30) | – |  |";
        assert_eq!(lines[2..], [row]);
    }

    #[test]
    fn calls_at_a_given_pace_are_compared_by_their_duration() {
        let lines = table(|rows| {
            for (programs, p50_ms) in [(Programs::Before, 4.0), (Programs::Now, 2.0)] {
                let row = Row { p50_ms: Some(p50_ms), ..Row::figure("paced", 50.0) };
                rows.add(row.paced().on(Engine::Sqlite, programs));
            }
        });
        assert!(lines[2].contains("| 4.00 (4.00–4.00) | 0.50 (0.50–0.50) |"), "{}", lines[2]);
    }

    #[test]
    fn nothing_is_compared_with_zero() {
        let lines = table(|rows| {
            for (programs, share) in [(Programs::Before, 0.0), (Programs::Now, 0.1)] {
                rows.add(Row::figure("rest", share).on(Engine::Sqlite, programs));
            }
        });
        assert!(lines[2].contains("| 0.00 (0.00–0.00) | – |"), "{}", lines[2]);
    }

    #[test]
    fn one_version_has_no_columns_for_another() {
        let lines = table(|rows| rows.add(Row::figure("size", 1.0).on(Engine::Sqlite, Programs::Now)));
        assert!(!lines[0].contains("before"), "{}", lines[0]);
        assert_eq!(lines.len(), 3);
    }
}
