#!/bin/sh
# Measures Jlama 0.8.4 from its published artifacts: run.sh FOLDER THREADS PROMPT OUTPUT, FOLDER a Hugging Face checkpoint. JAVA_HOME
# names a JDK with the Vector API; Maven brings the artifacts when first needed.
set -e
here=$(cd "$(dirname "$0")" && pwd)
java="${JAVA_HOME:+$JAVA_HOME/bin/}java"
if [ ! -d "$here/target/classes" ]; then
    (cd "$here" && mvn --batch-mode --quiet dependency:copy-dependencies -DoutputDirectory=target/lib >&2)
    mkdir -p "$here/target/classes"
    "${java}c" -d "$here/target/classes" -cp "$here/target/lib/*" "$here"/src/com/github/tjake/jlama/model/*.java
fi
exec "$java" --add-modules jdk.incubator.vector --enable-preview --enable-native-access=ALL-UNNAMED \
    --sun-misc-unsafe-memory-access=allow -Xmx12g -cp "$here/target/classes:$here/target/lib/*" \
    com.github.tjake.jlama.model.JlamaBench "$@"
