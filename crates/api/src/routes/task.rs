//! `/tasks`.

use actix_web::{HttpRequest, HttpResponse, web};
use daybook_domain::{Task, TaskDraft, TaskId, TaskPatch, UserId};
use serde::Serialize;
use utoipa::ToSchema;

use super::note::TEXT_MAX;
use super::page;
use super::weather::{self, Weather};
use crate::error::{ApiError, OrNotFound};
use crate::extract::{Body, CurrentReader, CurrentUser, Id, Paging, ValidJson};
use crate::state::State;

const NOT_FOUND: &str = "Task not found";

impl Body for TaskDraft {
    const MAX: usize = TEXT_MAX;
}

impl Body for TaskPatch {
    const MAX: usize = TEXT_MAX;
}

/// A task with the weather at its city.
#[derive(Serialize, ToSchema)]
pub(crate) struct TaskWithWeather {
    #[serde(flatten)]
    task: Task,
    /// The weather; null when it could not be had, and `weather_error` says why.
    weather: Option<Weather>,
    /// Why there is no weather.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "No place of that name is known")]
    weather_error: Option<String>,
}

/// Write a task
///
/// The city is looked up: `place` is what it was taken for. One of several places is refused with a 422 of type `ambiguous_place`, whose `ctx.candidates` each have a
/// `city` that can be sent instead.
#[utoipa::path(
    post,
    path = "/tasks",
    tag = "tasks",
    operation_id = "create_task",
    security(("OAuth2PasswordBearer" = [])),
    request_body = TaskDraft,
    responses(
        (status = 201, description = "The task", body = Task, headers(("Location" = String))),
        (status = 403, description = "`user_id` is somebody else's", body = crate::error::Detail)
    )
)]
pub(crate) async fn create(
    state: web::Data<State>,
    user: CurrentUser,
    ValidJson(draft): ValidJson<TaskDraft>,
) -> Result<HttpResponse, ApiError> {
    refuse_other_owner(draft.user_id, user.id)?;
    let place = weather::locate(&state, user.id, &draft.city).await?;
    let task = state.database.create_task(user.id, draft, place, state.now()).await?;
    Ok(HttpResponse::Created().insert_header(("Location", format!("/tasks/{}", task.id))).json(task))
}

/// List tasks
///
/// Newest first, without weather. The header `Link` leads to the next page.
#[utoipa::path(
    get,
    path = "/tasks",
    tag = "tasks",
    operation_id = "list_tasks",
    security(("OAuth2PasswordBearer" = [])),
    params(crate::extract::PageQuery),
    responses((status = 200, description = "A page of tasks", body = Vec<Task>, headers(("Link" = Option<String>))))
)]
pub(crate) async fn list(
    state: web::Data<State>,
    reader: CurrentReader,
    Paging(asked): Paging,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    page::answer(&request, asked, &state.database.tasks(reader.0, asked).await?)
}

/// Read a task with the weather
///
/// A forecast that fails does not fail the task.
#[utoipa::path(
    get,
    path = "/tasks/{task_id}",
    tag = "tasks",
    operation_id = "get_task",
    security(("OAuth2PasswordBearer" = [])),
    params(("task_id" = TaskId, Path)),
    responses(
        (status = 200, description = "The task", body = TaskWithWeather),
        (status = 404, description = "`Task not found`: there is none, or it is somebody else's", body = crate::error::Detail)
    )
)]
pub(crate) async fn find(
    state: web::Data<State>,
    reader: CurrentReader,
    Id(id): Id<TaskId>,
) -> Result<HttpResponse, ApiError> {
    let mut task = state.database.task(reader.0, id).await.or_not_found(NOT_FOUND)?;
    let _waiting = state.metrics.waiting()?;
    let (weather, weather_error) = match weather::of_task(&state, &mut task).await {
        Ok(weather) => (Some(weather), None),
        Err(sentence) => (None, Some(sentence)),
    };
    Ok(HttpResponse::Ok().json(TaskWithWeather { task, weather, weather_error }))
}

/// Replace a task
///
/// A city that changes is looked up, as when a task is written.
#[utoipa::path(
    put,
    path = "/tasks/{task_id}",
    tag = "tasks",
    operation_id = "replace_task",
    security(("OAuth2PasswordBearer" = [])),
    params(("task_id" = TaskId, Path)),
    request_body = TaskDraft,
    responses(
        (status = 200, description = "The task as it is now", body = Task),
        (status = 403, description = "`user_id` is somebody else's", body = crate::error::Detail),
        (status = 404, description = "`Task not found`", body = crate::error::Detail)
    )
)]
pub(crate) async fn replace(
    state: web::Data<State>,
    user: CurrentUser,
    Id(id): Id<TaskId>,
    ValidJson(draft): ValidJson<TaskDraft>,
) -> Result<HttpResponse, ApiError> {
    change(&state, user, id, draft.into()).await
}

/// Change a task
///
/// A city that changes is looked up, as when a task is written.
#[utoipa::path(
    patch,
    path = "/tasks/{task_id}",
    tag = "tasks",
    operation_id = "update_task",
    security(("OAuth2PasswordBearer" = [])),
    params(("task_id" = TaskId, Path)),
    request_body = TaskPatch,
    responses(
        (status = 200, description = "The task as it is now", body = Task),
        (status = 403, description = "`user_id` is somebody else's", body = crate::error::Detail),
        (status = 404, description = "`Task not found`", body = crate::error::Detail)
    )
)]
pub(crate) async fn update(
    state: web::Data<State>,
    user: CurrentUser,
    Id(id): Id<TaskId>,
    ValidJson(patch): ValidJson<TaskPatch>,
) -> Result<HttpResponse, ApiError> {
    change(&state, user, id, patch).await
}

async fn change(
    state: &State,
    user: CurrentUser,
    id: TaskId,
    patch: TaskPatch,
) -> Result<HttpResponse, ApiError> {
    refuse_other_owner(patch.user_id, user.id)?;
    let place = match &patch.city {
        Some(city) => {
            let before = state.database.task(user.id, id).await.or_not_found(NOT_FOUND)?;
            // What was taken once is not refused because of another field.
            if before.city == *city { before.place } else { weather::locate(state, user.id, city).await? }
        }
        None => None,
    };
    let task = state.database.update_task(user.id, id, patch, place, state.now()).await;
    Ok(HttpResponse::Ok().json(task.or_not_found(NOT_FOUND)?))
}

/// Delete a task
#[utoipa::path(
    delete,
    path = "/tasks/{task_id}",
    tag = "tasks",
    operation_id = "delete_task",
    security(("OAuth2PasswordBearer" = [])),
    params(("task_id" = TaskId, Path)),
    responses(
        (status = 204, description = "Gone"),
        (status = 404, description = "`Task not found`", body = crate::error::Detail)
    )
)]
pub(crate) async fn delete(
    state: web::Data<State>,
    user: CurrentUser,
    Id(id): Id<TaskId>,
) -> Result<HttpResponse, ApiError> {
    state.database.delete_task(user.id, id).await.or_not_found(NOT_FOUND)?;
    Ok(HttpResponse::NoContent().finish())
}

/// A task belongs to whoever writes it.
fn refuse_other_owner(named: Option<i64>, caller: UserId) -> Result<(), ApiError> {
    match named {
        Some(owner) if owner != caller.0 => Err(ApiError::Forbidden("A task can only be your own")),
        _ => Ok(()),
    }
}
