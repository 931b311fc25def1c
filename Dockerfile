# Both services from one build: `docker build --target ppc .` and `--target ipa`. Images hold no keys and no configuration.
FROM rust:1.95-bookworm AS build
WORKDIR /renkei
COPY . .
RUN cargo build --locked --release --package renkei-ppc --package renkei-ipa

FROM debian:12.11-slim AS service
RUN useradd --system --uid 10001 renkei && install --directory --owner renkei /var/lib/renkei /etc/renkei
USER renkei
VOLUME /var/lib/renkei
EXPOSE 7443 7444
STOPSIGNAL SIGTERM

FROM service AS ppc
COPY --from=build /renkei/target/release/ppc /usr/local/bin/ppc
ENTRYPOINT ["ppc"]
CMD ["serve"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["ppc", "status"]

FROM service AS ipa
COPY --from=build /renkei/target/release/ipa /usr/local/bin/ipa
ENTRYPOINT ["ipa"]
CMD ["serve"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["ipa", "status"]
