//! `/tasks`.

mod lookup;
mod weather;

use actix_web::web::Data;
use daybook_api_macros::endpoint;
use daybook_domain::{Task, TaskDraft, TaskId, TaskPatch, UserId};
use daybook_persistence::Access;
use serde::Serialize;
use utoipa::ToSchema;

use self::weather::Weather;
use crate::endpoint::{Created, ErrorResponse, Json, Located, NoContent, Paged};
use crate::error::{ApiError, OrMissing};
use crate::extract::{Body, Id, LONG_BODY_MAX, Paging, PathId, ValidJson};
use crate::quotas::{ACCOUNT_FULL, Addition};
use crate::state::State;

impl Body for TaskDraft {
    const MAX: usize = LONG_BODY_MAX;
}

impl Body for TaskPatch {
    const MAX: usize = LONG_BODY_MAX;
}

impl Located for Task {
    fn location(&self) -> String {
        format!("/tasks/{}", self.id)
    }
}

/// A task with the weather at its city.
#[derive(Serialize, ToSchema)]
pub(crate) struct TaskWithWeather {
    #[serde(flatten)]
    task: Task,
    /// The weather; null if there is none, and `weather_error` has the reason.
    weather: Option<Weather>,
    /// The reason why there is no weather.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "No place of that name is known")]
    weather_error: Option<String>,
}

const OTHER_OWNER: ErrorResponse = ErrorResponse {
    name: "OtherOwner",
    description: "`user_id` is another user's",
    error: || ApiError::Forbidden("A task can only be your own"),
};

/// Create a task
///
/// The city is geocoded into `place`. An ambiguous name is rejected with a 422 of type
/// `ambiguous_place`; send one of `ctx.candidates[].city` instead.
#[endpoint(POST "/tasks", errors(OTHER_OWNER, ACCOUNT_FULL))]
pub(crate) async fn create_task(
    access: Access,
    state: Data<State>,
    ValidJson(draft): ValidJson<TaskDraft>,
) -> Result<Created<Task>, ApiError> {
    require_own(draft.user_id, access.user())?;
    let place = weather::locate(&state, access, draft.city.as_str()).await?;
    let addition = Addition::task(&draft);
    let write = async || {
        // The geocoder may have taken seconds.
        let now = state.now();
        state.database.create_task(access.at(now), draft, place, now).await
    };
    let task = state.quotas.store(&state.database, access.user(), addition, write).await?;
    task.or_account_gone().map(Created)
}

/// List tasks
///
/// Newest first, without weather. The header `Link` leads to the next page.
#[endpoint(GET "/tasks")]
pub(crate) async fn list_tasks(
    access: Access,
    state: Data<State>,
    Paging(asked): Paging,
) -> Result<Paged<Task>, ApiError> {
    let page = state.database.tasks(access, asked).await.or_account_gone()?;
    Ok(Paged { asked, page })
}

/// Get a task with the weather
///
/// The task is returned even if its forecast fails.
#[endpoint(GET "/tasks/{task_id}")]
pub(crate) async fn get_task(
    access: Access,
    state: Data<State>,
    Id(id): Id<TaskId>,
) -> Result<Json<TaskWithWeather>, ApiError> {
    let mut task = state.database.task(access, id).await.or_not_found(TaskId::NOT_FOUND)?;
    let _waiting = state.metrics.count_waiting()?;
    let (weather, weather_error) = match weather::of_task(&state, access, &mut task).await? {
        Ok(weather) => (Some(weather), None),
        Err(sentence) => (None, Some(sentence)),
    };
    Ok(Json(TaskWithWeather { task, weather, weather_error }))
}

/// Replace a task
///
/// A changed city is geocoded as in `POST /tasks`.
#[endpoint(PUT "/tasks/{task_id}", errors(OTHER_OWNER, ACCOUNT_FULL))]
pub(crate) async fn replace_task(
    access: Access,
    state: Data<State>,
    Id(id): Id<TaskId>,
    ValidJson(draft): ValidJson<TaskDraft>,
) -> Result<Json<Task>, ApiError> {
    change(&state, access, id, draft.into()).await.map(Json)
}

/// Update a task
///
/// A field that is absent or null keeps its value. A changed city is geocoded as in `POST /tasks`.
#[endpoint(PATCH "/tasks/{task_id}", errors(OTHER_OWNER, ACCOUNT_FULL))]
pub(crate) async fn update_task(
    access: Access,
    state: Data<State>,
    Id(id): Id<TaskId>,
    ValidJson(patch): ValidJson<TaskPatch>,
) -> Result<Json<Task>, ApiError> {
    change(&state, access, id, patch).await.map(Json)
}

/// Delete a task
#[endpoint(DELETE "/tasks/{task_id}")]
pub(crate) async fn delete_task(
    access: Access,
    state: Data<State>,
    Id(id): Id<TaskId>,
) -> Result<NoContent, ApiError> {
    state.database.delete_task(access, id).await.or_not_found(TaskId::NOT_FOUND)?;
    state.quotas.invalidate(access.user());
    Ok(NoContent)
}

async fn change(state: &State, access: Access, id: TaskId, patch: TaskPatch) -> Result<Task, ApiError> {
    require_own(patch.user_id, access.user())?;
    let place = match &patch.city {
        Some(city) => {
            let before = state.database.task(access, id).await.or_not_found(TaskId::NOT_FOUND)?;
            // A name that was accepted once stays accepted while other fields change.
            if before.city == *city {
                before.place
            } else {
                weather::locate(state, access, city.as_str()).await?
            }
        }
        None => None,
    };
    let addition = Addition::task_change(id, &patch);
    let write = async || {
        let now = state.now();
        state.database.update_task(access.at(now), id, patch, place, now).await
    };
    let task = state.quotas.store(&state.database, access.user(), addition, write).await?;
    task.or_not_found(TaskId::NOT_FOUND)
}

/// Rejects a body that names another user as the owner.
fn require_own(named: Option<i64>, caller: UserId) -> Result<(), ApiError> {
    match named {
        Some(owner) if owner != caller.0 => Err(OTHER_OWNER.error()),
        _ => Ok(()),
    }
}
