ALTER TABLE tasks DROP COLUMN place_name;
ALTER TABLE tasks DROP COLUMN country;
ALTER TABLE tasks DROP COLUMN country_code;
ALTER TABLE tasks DROP COLUMN admin1;
ALTER TABLE tasks DROP COLUMN latitude;
ALTER TABLE tasks DROP COLUMN longitude;
ALTER TABLE tasks DROP COLUMN timezone;
ALTER TABLE tasks DROP COLUMN due_date;
