#!/usr/bin/env bash
# Reads what `cargo bench` prints (divan's trees), prints it as the table of docs/benchmarks.md, and fails where a median
# is beyond what was promised by more than the margin: a busy machine is not a regression.
#
#   cargo bench --all-features | hack/bench/check.sh
set -euo pipefail

# t(10,000 stores) / t(100 stores): a verdict must not cost more for stores that it does not touch.
ratio=${CARNET_BENCH_RATIO:-1.3}
# Microseconds for a review of 4 KB with 200 names, bytes to bytes, at 10,000 stores.
review=${CARNET_BENCH_REVIEW_US:-75}
# Share by which either may be exceeded.
margin=${CARNET_BENCH_MARGIN:-0.2}

awk -v ratio="$ratio" -v review="$review" -v margin="$margin" '
  function micros(number, unit) {
    if (unit == "ns") return number / 1000
    if (unit == "µs" || unit == "us") return number
    if (unit == "ms") return number * 1000
    if (unit == "s") return number * 1000000
    printf "unknown unit `%s` of a time\n", unit > "/dev/stderr"; broken = 1; exit 2
  }
  function fail(what) { failures = failures "  " what "\n" }

  # A new tree: the name of the bench, then the heads of the columns.
  / fastest .* median / { bench = $1; next }
  {
    line = $0
    leaf = line ~ /^(│|   )/
    gsub(/├─|╰─/, "", line)
    sub(/^│/, "", line)
    columns = split(line, column, "│")
    split(column[1], word, " ")
  }
  # A function of it, whose sizes follow.
  bench && !leaf && columns > 3 && word[1] != "" { function_ = word[1]; next }
  bench && leaf && columns > 3 && word[1] ~ /^[0-9]+$/ {
    split(column[3], median, " ")
    name = bench "::" function_
    if (!(name in seen)) { seen[name] = 1; names[++count] = name }
    time[name, word[1]] = micros(median[1], median[2])
  }

  END {
    if (broken) exit 2
    print "| bench | 100 stores | 10,000 stores | ratio |\n| --- | ---: | ---: | ---: |"
    for (i = 1; i <= count; i++) {
      name = names[i]
      if (!((name, 100) in time) || !((name, 10000) in time)) { fail(name " has not both sizes"); continue }
      small = time[name, 100]; large = time[name, 10000]
      printf "| `%s` | %.2f µs | %.2f µs | %.2f |\n", name, small, large, large / small
      if (large / small > ratio * (1 + margin))
        fail(sprintf("%s: t(10,000)/t(100) is %.2f, promised is %s", name, large / small, ratio))
      if (name ~ /^review::/ && large > review * (1 + margin))
        fail(sprintf("%s: %.1f µs, promised is %s µs", name, large, review))
      if (name ~ /^review::/) reviews++
    }
    if (count < 6 || reviews < 3) fail("only " count " benches were read, " reviews + 0 " of them reviews")
    if (failures) { printf "not as promised (margin %s):\n%s", margin, failures > "/dev/stderr"; exit 1 }
    print "as promised: ratio at most " ratio ", a review at most " review " µs (margin " margin ")"
  }
'
