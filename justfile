# The commands of the project: each is one script that can also be called directly.

# Lists the recipes
default:
    @just --list

# Serves on http://127.0.0.1:8080 with SQLite in data/
run:
    cargo run

# Runs all tests on SQLite and PostgreSQL
test:
    scripts/test

# Checks format, lints and documentation
lint:
    scripts/lint

# Builds every library crate on its own
alone:
    scripts/alone

# Drives Swagger UI and ReDoc with Chromium
browser:
    scripts/browser

# Fuzzes the running service with its own OpenAPI document
fuzz:
    scripts/fuzz

# Checks licences, advisories and who depends on whom; needs cargo-deny
deny:
    cargo deny --locked check

# Everything that CI runs
ci:
    .ci/run
