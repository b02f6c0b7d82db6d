# shellcheck shell=bash
# What was measured, on its way into the table.  Each part says `figure', `goal' and `claim' as it goes; report prints
# the Org table of it all and, below, one line a claim.  Sourced by bench.sh.

: "${place:?}"
facts=$place/facts
: >"$facts"
part=

figure() { # FIGURE WHO VALUE
  printf 'figure\t%s\t%s\t%s\t%s\n' "$part" "$1" "$2" "$3" >>"$facts"
  echo "  $1: $2 $3" >&2
}

goal() { printf 'goal\t%s\t%s\t%s\n' "$part" "$1" "$2" >>"$facts"; } # FIGURE TEXT

claim() { # NAME VALUE '<='|'>='|'<' GOAL [SLACK]
  awk -v name="$1" -v value="$2" -v op="$3" -v goal="$4" -v slack="${5:-0}" 'BEGIN {
    good = value == "" ? 0 : op == ">=" ? value + slack >= goal : op == "<" ? value < goal : value - slack <= goal
    printf "claim\tratio %s %s %s%s : %s\n", name, value == "" ? "none" : value, op, goal, good ? "ok" : "short"
  }' >>"$facts"
}

# For sums over measured seconds: `sum EXPRESSION FORMAT'.
sum() { awk "BEGIN { printf \"${2:-%.3f}\", $1 }"; }

# Of the first column of what they read.
least() { sort -g | head -n 1 | cut -d ' ' -f 1; }
greatest() { sort -g | tail -n 1 | cut -d ' ' -f 1; }
middle() { sort -g | awk '{ v[NR] = $1 } END { if (NR) print v[int((NR + 1) / 2)] }'; }

report() {
  awk -F '\t' '
    BEGIN { n = split("sendonce curl msmtp smtpmail raw", who, " ") }
    $1 == "figure" || $1 == "goal" {
      if (!($2 in parts)) { parts[$2] = 1; order[++count] = $2 }
      key = $2 "\t" $3
      if (!(key in seen)) { seen[key] = 1; rows[$2] = rows[$2] $3 "\n" }
    }
    $1 == "figure" { value[$2, $3, $4] = $5 }
    $1 == "goal" { wanted[$2, $3] = $4 }
    END {
      line = "| "
      for (i = 1; i <= n; i++) line = line "| " who[i] " "
      print line "| floor or goal |"
      for (p = 1; p <= count; p++) {
        print "|-"
        m = split(rows[order[p]], row, "\n")
        for (r = 1; r < m; r++) {
          line = "| " row[r] " "
          for (i = 1; i <= n; i++) line = line "| " value[order[p], row[r], who[i]] " "
          print line "| " wanted[order[p], row[r]] " |"
        }
      }
    }' "$facts" | align
  echo
  sed -n 's/^claim\t//p' "$facts"
}

# Columns of an Org table made equally wide.
align() {
  awk -F '|' '
    { text[NR] = $0; if ($0 == "|-") next
      for (i = 2; i < NF; i++) {
        gsub(/^ +| +$/, "", $i); cell[NR, i] = $i
        if (length($i) > width[i]) width[i] = length($i)
      }
      if (NF > fields) fields = NF }
    END {
      for (r = 1; r <= NR; r++) {
        line = "|"
        for (i = 2; i < fields; i++) {
          if (text[r] == "|-") {
            dashes = sprintf("%" (width[i] + 2) "s", ""); gsub(/ /, "-", dashes)
            line = line dashes (i == fields - 1 ? "|" : "+")
          } else line = line sprintf(i == 2 || i == fields - 1 ? " %-*s |" : " %*s |", width[i], cell[r, i])
        }
        print line
      }
    }'
}
