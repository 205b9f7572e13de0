-- The keys of all accounts are computed again after this statement, in the same transaction, by
-- crates/persistence/src/name_keys.rs. SQL cannot fold case as Unicode does.
SELECT 1;
