-- The keys of all accounts are computed again after this statement, in the same transaction, by
-- crates/persistence/src/name_keys.rs. SQL cannot fold case as Unicode does.
--
-- Until then no instance can add or change an account, but every instance can read accounts.
LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE;
