#!/bin/sh
# Builds the plugin: sh plugins/hello-c/build.sh OUTPUT_DIR
set -eu
folder=$(dirname "$0")
output=${1:?"usage: build.sh OUTPUT_DIR"}
mkdir -p "$output"
# Only the plugin's constant is seen from outside; nothing may stay undefined.
${CC:-cc} -std=c99 -O2 -Wall -Wextra -pedantic -Werror -fPIC -fvisibility=hidden -shared \
    -Wl,--no-undefined "$folder/hello.c" -o "$output/libneurhai_hello_c.so"
