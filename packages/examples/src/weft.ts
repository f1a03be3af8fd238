#!/usr/bin/env node
// The command-line program `weft`.
console.log("weft");
