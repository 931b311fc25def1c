# One build, three images: `docker build --target ppc .`, `--target ipa`, and `--target pki` for development only.
# Images hold no keys and no configuration.
FROM rust:1.95.0-bookworm AS build
WORKDIR /renkei
COPY . .
# What was compiled before stays in a cache of the builder, beside the image.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/renkei/target \
    cargo build --locked --release --package renkei-ppc --package renkei-ipa \
    && install -D --target-directory /out target/release/ppc target/release/ipa

# In a run of its own: cargo unites the features of what it builds together, and a service is built without those that
# tools ask for.
FROM build AS build-pki
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/renkei/target \
    cargo build --locked --release --bin pki && install -D --target-directory /out target/release/pki

# The number of the account stands in docker-compose.yml too, for the database, which reads a file of this account.
FROM debian:12.12-slim AS base
RUN groupadd --gid 10001 renkei \
    && useradd --uid 10001 --gid renkei --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin renkei

# Volumes take owner and mode from the folders that they are mounted on; /var/lib/renkei is for SQLite.
FROM base AS service
RUN install --directory --owner renkei --group renkei --mode 0700 \
    /etc/renkei /etc/renkei/database /var/lib/renkei
USER 10001:10001
EXPOSE 7443 7444 9464

FROM service AS ppc
COPY --from=build /out/ppc /usr/local/bin/ppc
ENTRYPOINT ["/usr/local/bin/ppc"]
CMD ["serve"]

FROM service AS ipa
COPY --from=build /out/ipa /usr/local/bin/ipa
ENTRYPOINT ["/usr/local/bin/ipa"]
CMD ["serve"]

FROM base AS pki
RUN install --directory --owner renkei --group renkei --mode 0700 \
    /pki /pki/ppc /pki/ppc/database /pki/ipa /pki/ipa/database
COPY --from=build-pki /out/pki /usr/local/bin/pki
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/pki"]
CMD ["--folder", "/pki"]
