#!/bin/sh
# Regenerates ../go.json and test/cases/go-*/expected; needs Go 1.24 or later. `GO=/path/to/go ./make.sh`
cd "$(dirname "$0")" && "${GO:-go}" run . > ../go.json
