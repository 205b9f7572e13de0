DROP TABLE summaries;
DROP TABLE notes;
