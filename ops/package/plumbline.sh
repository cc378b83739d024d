#!/bin/bash
# Runs this package's role and its commands by the runtime that comes with it.
home=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck disable=SC2086 # options, several
exec "$home/runtime/bin/java" @COLLECTOR@ --sun-misc-unsafe-memory-access=allow --add-modules jdk.incubator.vector \
    --add-exports java.base/jdk.internal.misc=ALL-UNNAMED --enable-native-access=ALL-UNNAMED \
    -Dorg.slf4j.simpleLogger.defaultLogLevel=error "-Djava.util.logging.config.file=$home/share/logging.properties" \
    "-Dplumbline.home=$home" -Xlog:disable -Xlog:all=off ${PLUMBLINE_JAVA_OPTIONS:-} \
    -cp "$home/lib/*" io.plumbline.node.Main "$@" \
    2> >(grep --line-buffered -v -e '^WARNING: Using incubator modules' >&2)
