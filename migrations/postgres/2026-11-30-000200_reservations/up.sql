-- A row for each reservation of tokens that is not settled. Settling deletes the row, so that a
-- second settlement changes nothing. The columns reserved_tokens have the sums.
--
-- A row has no user. If an account is deleted, its reservation is still settled for all users
-- together.
CREATE TABLE reservations (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day BIGINT NOT NULL
);
-- Finds the rows of processes that were killed.
CREATE INDEX reservations_day ON reservations (day);
