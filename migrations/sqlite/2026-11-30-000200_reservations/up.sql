-- A row for each reservation of tokens that is not settled. Settling deletes the row, so that a
-- second settlement changes nothing. The columns reserved_tokens have the sums.
--
-- A row has no user. If an account is deleted, its reservation is still settled for all users
-- together. AUTOINCREMENT, because a second settlement must not find the row of another one.
CREATE TABLE reservations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    day INTEGER NOT NULL
) STRICT;
-- Finds the rows of processes that were killed.
CREATE INDEX reservations_day ON reservations (day);
