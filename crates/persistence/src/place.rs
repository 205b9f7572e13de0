//! The columns of table `tasks` for the place of the city.

use daybook_domain::Place;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sqlite::Sqlite;

use crate::schema::tasks;

/// The place that a task's city was geocoded into. All columns are null as long as it is not known.
#[derive(Default, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = tasks, check_for_backend(Pg, Sqlite), treat_none_as_null = true)]
pub(crate) struct PlaceColumns {
    pub(crate) place_name: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) country_code: Option<String>,
    pub(crate) admin1: Option<String>,
    pub(crate) latitude: Option<f64>,
    pub(crate) longitude: Option<f64>,
    pub(crate) timezone: Option<String>,
}

impl From<Option<Place>> for PlaceColumns {
    fn from(place: Option<Place>) -> Self {
        let Some(place) = place else { return Self::default() };
        Self {
            place_name: Some(place.name),
            country: place.country,
            country_code: place.country_code,
            admin1: place.admin1,
            latitude: Some(place.latitude),
            longitude: Some(place.longitude),
            timezone: place.timezone,
        }
    }
}

impl From<PlaceColumns> for Option<Place> {
    fn from(row: PlaceColumns) -> Self {
        Some(Place {
            name: row.place_name?,
            country: row.country,
            country_code: row.country_code,
            admin1: row.admin1,
            latitude: row.latitude?,
            longitude: row.longitude?,
            timezone: row.timezone,
        })
    }
}
