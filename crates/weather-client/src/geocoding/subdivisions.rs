//! Codes of states, provinces and other regions (ISO 3166-2), as in `Vancouver, BC`.
//!
//! The project has its own table. The crate `rust_iso3166` has local names, such as Bayern, and
//! Open-Meteo has English ones. It also lacks the parents of subdivisions.

use super::fold::{contains_words, fold};
use super::place::Place;

/// The head of the file describes the format of its lines and their source.
const TABLE: &str = include_str!("subdivisions.txt");

/// One line of the table. A subdivision has a line for each of its names.
struct Line {
    /// The country's code and the subdivision's code: `cabc`.
    id: &'static str,
    /// The code of the subdivision that contains this one, without the country's code.
    parent: Option<&'static str>,
    /// The name in the form that [`fold`] returns.
    name: &'static str,
}

/// Returns true if the place is in the subdivision with this code.
///
/// The code must be in lower case. It may begin with the country's code: `bc` or `ca-bc`.
pub(super) fn lies_in(place: &Place, code: &str) -> bool {
    let Some(country) = place.country_code.as_deref().map(str::to_ascii_lowercase) else { return false };
    let code = code.strip_prefix(&country).and_then(|rest| rest.strip_prefix('-')).unwrap_or(code);
    let id = format!("{country}{code}");
    let lines = of_country(&country);
    let Some(line) = lines.iter().find(|line| line.id == id) else { return false };

    let region = named(&lines, place.admin1.as_deref());
    if region.contains(&line.id) {
        return true;
    }
    // A subdivision with a parent may be the second level. The parent must match too, because a
    // county in Oregon is named Washington.
    let Some(parent) = line.parent else { return false };
    let is_in_parent = region.is_empty() || region.contains(&format!("{country}{parent}").as_str());
    is_in_parent && named(&lines, place.admin2.as_deref()).contains(&line.id)
}

/// Returns the lines of a country. The code must be in lower case.
fn of_country(country: &str) -> Vec<Line> {
    // The lines are sorted, so those of a country are consecutive.
    let start = TABLE.find(&format!("\n{country}")).map_or(TABLE.len(), |end_of_line| end_of_line + 1);
    let rest = TABLE.get(start..).unwrap_or_default();
    rest.lines().take_while(|line| line.starts_with(country)).filter_map(parse).collect()
}

fn parse(line: &'static str) -> Option<Line> {
    let mut columns = line.splitn(3, ' ');
    let (id, parent, name) = (columns.next()?, columns.next()?, columns.next()?);
    Some(Line { id, parent: Some(parent).filter(|parent| *parent != "-"), name })
}

/// Returns the subdivisions with the longest name that the area's name contains.
///
/// `Metropolitan City of Milan` is the subdivision Milan. `West Virginia` is not Virginia, because
/// there is a longer name.
fn named(lines: &[Line], area: Option<&str>) -> Vec<&'static str> {
    let area = area.map(fold).unwrap_or_default();
    let found: Vec<_> = lines.iter().filter(|line| contains_words(&area, line.name)).collect();
    let longest = found.iter().map(|line| word_count(line.name)).max().unwrap_or_default();
    found.into_iter().filter(|line| word_count(line.name) == longest).map(|line| line.id).collect()
}

fn word_count(name: &str) -> usize {
    name.split(' ').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<&'static str> {
        TABLE.lines().filter(|line| !line.starts_with('#')).collect()
    }

    fn place(country_code: &str, admin1: &str, admin2: Option<&str>) -> Place {
        Place {
            country_code: Some(country_code.to_owned()),
            admin1: Some(admin1.to_owned()),
            admin2: admin2.map(str::to_owned),
            ..Place::new("Somewhere".to_owned(), 1.0, 2.0)
        }
    }

    #[test]
    fn table_is_sorted_and_has_folded_names() {
        let lines = lines();
        assert!(lines.len() > 5_000);
        assert!(lines.is_sorted_by_key(|line| line.split(' ').next()));
        for line in lines {
            let parsed = parse(line).unwrap();
            assert_eq!(fold(parsed.name), parsed.name);
            assert!((3..=5).contains(&parsed.id.len()), "{line}");
        }
    }

    #[test]
    fn table_contains_each_parent() {
        let ids: Vec<_> = lines().into_iter().filter_map(parse).map(|line| line.id).collect();
        for line in lines().into_iter().filter_map(parse) {
            if let Some(parent) = line.parent {
                let id = format!("{}{parent}", &line.id[..2]);
                assert!(ids.contains(&id.as_str()), "{id}");
            }
        }
    }

    #[test]
    fn lies_in_accepts_the_code_of_the_region() {
        for (country, admin1, code) in [
            ("CA", "British Columbia", "bc"),
            ("CA", "British Columbia", "ca-bc"),
            ("CA", "Quebec", "qc"),
            ("AU", "New South Wales", "nsw"),
            ("AU", "Western Australia", "wa"),
            ("US", "Washington", "wa"),
            ("US", "Illinois", "us-il"),
            ("US", "District of Columbia", "dc"),
            ("BR", "São Paulo", "sp"),
            ("MX", "Jalisco", "jal"),
            ("MX", "Mexico City", "cmx"),
            ("IN", "Karnataka", "ka"),
            ("DE", "Bavaria", "by"),
            ("FR", "Île-de-France", "idf"),
            ("IT", "Lombardy", "25"),
            ("GB", "England", "eng"),
            ("GB", "Scotland", "sct"),
            ("GB", "Wales", "wls"),
            ("GB", "Northern Ireland", "nir"),
        ] {
            assert!(lies_in(&place(country, admin1, None), code), "{admin1}: {code}");
        }
    }

    #[test]
    fn lies_in_accepts_the_code_of_the_second_level() {
        for (country, admin1, admin2, code) in [
            ("IT", "Lombardy", "Milan", "mi"),
            ("IT", "Lombardy", "Metropolitan City of Milan", "mi"),
            ("IT", "Lombardia", "Città metropolitana di Milano", "it-mi"),
            ("IT", "Lombardy", "Province of Bergamo", "bg"),
            ("IT", "Lazio", "Città metropolitana di Roma Capitale", "rm"),
            ("ES", "Andalusia", "Provincia de Sevilla", "se"),
            ("GB", "England", "Kent", "ken"),
            ("IE", "Leinster", "Dublin City", "d"),
        ] {
            assert!(lies_in(&place(country, admin1, Some(admin2)), code), "{admin2}: {code}");
        }
    }

    #[test]
    fn lies_in_rejects_other_regions() {
        for (country, admin1, admin2, code) in [
            ("US", "West Virginia", None, "va"),
            ("US", "Arkansas", None, "ks"),
            ("US", "Oregon", Some("Washington County"), "wa"),
            ("US", "Washington", None, "ca-bc"),
            ("US", "Washington", None, "au-wa"),
            ("AU", "Western Australia", None, "us-wa"),
            ("MX", "Mexico City", None, "mex"),
            ("IT", "Tuscany", Some("Milan"), "mi"),
            ("IT", "Lombardy", None, "mi"),
            ("CA", "British Columbia", None, "b"),
            ("CA", "British Columbia", None, ""),
            ("CA", "British Columbia", None, "bc - british"),
            ("XX", "British Columbia", None, "bc"),
            ("#", "British Columbia", None, "bc"),
        ] {
            assert!(!lies_in(&place(country, admin1, admin2), code), "{admin1}: {code}");
        }
    }
}
