FROM rust:1.95-bookworm AS build
# The C compiler of the image builds aws-lc and SQLite from source.
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked -p daybook-api \
    && install target/release/daybook /usr/local/bin/daybook

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin daybook \
    && install --directory --owner=daybook --group=daybook --mode=0700 /data
COPY --from=build /usr/local/bin/daybook /usr/local/bin/daybook

# A numeric id lets an orchestrator verify that the user is not root.
USER 10001:10001
WORKDIR /data
VOLUME /data
ENV DAYBOOK_BIND=0.0.0.0:8080 \
    DATABASE_URL=sqlite:///data/daybook.db
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["daybook", "healthcheck"]
ENTRYPOINT ["daybook"]
