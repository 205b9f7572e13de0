-- The keys stay as they are. SQL cannot compute the keys of the previous version.
SELECT 1;
