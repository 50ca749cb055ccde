#!/usr/bin/env python3
"""Pisteur beside two peers on the public sets: same records, same truth, one table.

    python3 tests/bench/peers/peers.py target/release/pisteur

makes a virtual environment in a temporary folder (or in $PISTEUR_PEERS_VENV), installs the pinned peers there and runs
all. The sets are looked for in $PISTEUR_CORPORA, else in ../shared/corpora. The peers are never a part of the product;
splink is MIT, recordlinkage BSD-3-Clause.

Both peers are set up without labels, in the way of their own guides; which rules and comparisons stand where the guides
leave a choice was chosen here, so a better set-up of either may do better than this table says:
- splink (https://moj-analytical-services.github.io/splink, the tutorial and "Deduplicate 50k rows"): name, date of birth,
  email and postcode comparisons of its comparison library with its own thresholds, term frequencies on names and places,
  blocking by several rules, the prior from deterministic rules with an assumed recall, u by random sampling, m by
  expectation maximisation in several sessions with different blocks. On fake_1000 its tutorial's rules and comparisons.
- recordlinkage (its guide "Classification algorithms" and the FEBRL examples): candidates by blocks on each identifying
  field united, Jaro-Winkler at 0.85 on texts and exact comparison on codes, ECM classification, which is its
  unsupervised Fellegi and Sunter.
Ids, clusters and the order of the records are not shown to anybody: they are shuffled (seed 1). A pair counts once;
a pair that blocking never sees is a miss. For us p>=.5 is match or review and p>=.95 is match, at the shipped cuts.
"""

import csv
import itertools
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

PINNED = ["splink==5.0.0", "recordlinkage==0.16"]
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
CORPORA = pathlib.Path(os.environ.get("PISTEUR_CORPORA", ROOT.parent / "shared" / "corpora")) / "matching"
MAPS = ROOT / "tests" / "matching" / "maps"

FEBRL = ["given_name", "surname", "street_number", "address_1", "address_2", "suburb", "postcode", "state",
         "date_of_birth", "soc_sec_id"]
WITHOUT = [name for name in FEBRL if name not in ("date_of_birth", "soc_sec_id")]
# name, files, id, truth, map, columns
SETS = [
    ("febrl1", ["febrl1/records.csv"], "rec_id", "febrl1/truth_pairs.csv", "febrl.toml", FEBRL),
    ("febrl2", ["febrl2/records.csv"], "rec_id", "febrl2/truth_pairs.csv", "febrl.toml", FEBRL),
    ("febrl3", ["febrl3/records.csv"], "rec_id", "febrl3/truth_pairs.csv", "febrl.toml", FEBRL),
    ("febrl3 without", ["febrl3/records.csv"], "rec_id", "febrl3/truth_pairs.csv", "febrl_without.toml", WITHOUT),
    ("fake_1000", ["fake1000/fake_1000.csv"], "unique_id", "fake1000/fake_1000.csv", "fake_1000.toml",
     ["first_name", "surname", "dob", "city", "email"]),
    ("fodors-zagat", ["fodors_zagats/fodors.csv", "fodors_zagats/zagats.csv"], "id",
     "fodors_zagats/matches_fodors_zagats.csv", "fodors_zagats.toml", ["name", "addr", "city", "phone"]),
]


def rows(path):
    with open(CORPORA / path, encoding="utf-8", newline="") as file:
        return [{key: value.strip() for key, value in row.items()} for row in csv.DictReader(file)]


def pair(a, b):
    return (a, b) if a < b else (b, a)


def truth(path, id_column):
    table = rows(path)
    if "cluster" in table[0]:
        groups = {}
        for row in table:
            groups.setdefault(row["cluster"], []).append(row[id_column])
        return {pair(*two) for group in groups.values() for two in itertools.combinations(group, 2)}
    return {pair(*list(row.values())[:2]) for row in table}


def records(files, id_column, columns):
    """Each file as {column: values}, shuffled; an empty value is None."""
    tables = []
    for path in files:
        table = rows(path)
        random.Random(1).shuffle(table)
        if "phone" in columns:
            for row in table:
                row["phone"] = "".join(c for c in row["phone"] if c.isdigit())
        tables.append([{"unique_id": row[id_column], **{c: row[c] or None for c in columns}} for row in table])
    return tables


def measured(found, true):
    hit = len(found & true)
    precision, recall = (hit / len(found) if found else 0.0), hit / len(true)
    return precision, recall, (2 * precision * recall / (precision + recall) if hit else 0.0)


def best(scored, true):
    """The best F1 of any threshold, with the truth in hand."""
    top, hit, ranked = 0.0, 0, sorted(scored.items(), key=lambda item: -item[1])
    for n, (two, score) in enumerate(ranked, 1):
        hit += two in true
        if n == len(ranked) or ranked[n][1] < score:
            top = max(top, 2 * hit / (n + len(true)))
    return top


def line(name, system, recall, half, sure, top, seconds):
    show = lambda three: "/".join(f"{value:.4f}" for value in three)
    top = "-" if top is None else f"{top:.4f}"
    print(f"{name:<15} {system:<14} {recall:.4f}  {show(half):<21} {show(sure):<21} {top:<7} {seconds:7.1f}", flush=True)


def ours(binary, name, files, truth_file, map_file):
    sides = [word for side, path in zip(["--left", "--right"], files) for word in (side, str(CORPORA / path))]
    command = [binary, "match", "eval", "--json", *sides, "--truth", str(CORPORA / truth_file), "--map", str(MAPS / map_file)]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    said = json.loads(done.stdout)
    three = lambda which: tuple(said[which][key] for key in ("precision", "recall", "f1"))
    line(name, "pisteur", said["candidate_recall"], three("pairs_match_or_review"), three("pairs_match"), None,
         time.monotonic() - began)


def splink(tables, columns):
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on
    import pandas

    frames = [pandas.DataFrame(table) for table in tables]
    if "given_name" in columns:
        compared = [
            cl.NameComparison("given_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("address_1", [0.9, 0.7]),
            cl.LevenshteinAtThresholds("street_number", 1),
            cl.JaroWinklerAtThresholds("suburb", [0.9, 0.7]).configure(term_frequency_adjustments=True),
            cl.LevenshteinAtThresholds("postcode", [1, 2]).configure(term_frequency_adjustments=True),
        ]
        rules = [block_on("given_name", "surname"), block_on("surname", "postcode"), block_on("given_name", "postcode"),
                 block_on("address_1"), block_on("surname", "suburb"), block_on("given_name", "suburb"),
                 block_on("street_number", "postcode"), block_on("surname", "street_number")]
        sure = [block_on("given_name", "surname", "postcode"), block_on("given_name", "surname", "address_1")]
        if "soc_sec_id" in columns:
            compared += [cl.LevenshteinAtThresholds("date_of_birth", [1, 2]), cl.LevenshteinAtThresholds("soc_sec_id", [1, 2])]
            rules += [block_on("soc_sec_id"), block_on("date_of_birth")]
            sure.append(block_on("soc_sec_id"))
        sessions = [block_on("given_name", "surname"), block_on("postcode", "street_number"), block_on("address_1")]
    elif "dob" in columns:
        compared = [
            cl.NameComparison("first_name").configure(term_frequency_adjustments=True),
            cl.NameComparison("surname").configure(term_frequency_adjustments=True),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email").configure(term_frequency_adjustments=True),
        ]
        rules = [block_on("first_name", "city"), block_on("surname"), block_on("first_name"), block_on("dob"), block_on("email")]
        sure = [block_on("first_name", "dob"), "l.first_name = r.first_name and levenshtein(l.surname, r.surname) <= 2"
                " and l.email = r.email", block_on("email")]
        sessions = [block_on("dob"), block_on("first_name", "surname"), block_on("email")]
    else:
        compared = [
            cl.JaroWinklerAtThresholds("name", [0.9, 0.7]),
            cl.JaroWinklerAtThresholds("addr", [0.9, 0.7]),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.LevenshteinAtThresholds("phone", [1, 2]),
        ]
        rules = [block_on("phone"), block_on("city"), block_on("substr(name, 1, 3)"), block_on("substr(addr, 1, 6)")]
        sure = [block_on("phone"), block_on("name", "city")]
        sessions = [block_on("city"), block_on("phone")]
    settings = SettingsCreator(link_type="dedupe_only" if len(frames) == 1 else "link_only", comparisons=compared,
                               blocking_rules_to_generate_predictions=rules)
    api = DuckDBAPI()
    registered = [api.register(frame, table_name=f"side_{n}") for n, frame in enumerate(frames)]
    linker = Linker(registered[0] if len(registered) == 1 else registered, settings, log_level=40)
    linker.training.estimate_probability_two_random_records_match(sure, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for session in sessions:
        linker.training.estimate_parameters_using_expectation_maximisation(session)
    found = linker.inference.predict(threshold_match_probability=0.0).as_pandas_dataframe()
    return {pair(str(a), str(b)): float(p)
            for a, b, p in zip(found["unique_id_l"], found["unique_id_r"], found["match_probability"])}


def recordlinkage(tables, columns):
    import pandas
    import recordlinkage as peer

    frames = [pandas.DataFrame(table).set_index("unique_id") for table in tables]
    index = peer.Index()
    for column in columns:
        if column not in ("state", "street_number", "address_2"):
            index.block(column)
    pairs = index.index(*frames)
    compare = peer.Compare()
    for column in columns:
        if column in ("postcode", "state", "date_of_birth", "soc_sec_id", "dob", "phone", "street_number"):
            compare.exact(column, column)
        else:
            compare.string(column, column, method="jarowinkler", threshold=0.85)
    features = compare.compute(pairs, *frames)
    # A field in which all pairs are alike tells ECM nothing and stops it.
    features = features[[name for name in features if features[name].nunique() > 1]]
    ecm = peer.ECMClassifier(binarize=0.5)
    ecm.fit(features)
    return {pair(str(a), str(b)): float(p) for (a, b), p in ecm.prob(features).items()}


def table(binary):
    print(f"{'set':<15} {'system':<14} {'cand.R':<7} {'P/R/F1 at p>=.5':<21} {'P/R/F1 at p>=.95':<21} {'best F1':<7} {'seconds':>7}")
    for name, files, id_column, truth_file, map_file, columns in SETS:
        true = truth(truth_file, id_column)
        try:
            ours(binary, name, files, truth_file, map_file)
        except Exception as why:  # what fails has its row, whatever the reason
            print(f"{name:<15} {'pisteur':<14} did not run: {str(why).splitlines()[:1]}", flush=True)
        for system, score in (("splink", splink), ("recordlinkage", recordlinkage)):
            try:
                tables = records(files, id_column, columns)
                began = time.monotonic()
                scored = score(tables, columns)
                seconds = time.monotonic() - began
                at = lambda cut: measured({two for two, p in scored.items() if p >= cut}, true)
                line(name, system, len(true & scored.keys()) / len(true), at(0.5), at(0.95), best(scored, true), seconds)
            except Exception as why:
                print(f"{name:<15} {system:<14} did not run: {type(why).__name__}: {str(why).splitlines()[:1]}", flush=True)


def main():
    if len(sys.argv) != 2 or not os.access(sys.argv[1], os.X_OK):
        sys.exit("usage: peers.py PISTEUR, the path of the binary; build it with cargo build --release")
    if os.environ.get("PISTEUR_PEERS_INSIDE"):
        return table(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="pisteur-peers-") as folder:
        venv = pathlib.Path(os.environ.get("PISTEUR_PEERS_VENV", folder))
        python = venv / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        for package in PINNED:
            # One that does not install says so in its rows.
            subprocess.run([str(python), "-m", "pip", "install", "-q", package], check=False)
        inside = {**os.environ, "PISTEUR_PEERS_INSIDE": "1", "PYTHONWARNINGS": "ignore"}
        sys.exit(subprocess.run([str(python), __file__, os.path.abspath(sys.argv[1])], env=inside, check=False).returncode)


if __name__ == "__main__":
    main()
