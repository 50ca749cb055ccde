#!/usr/bin/env python3
"""Pisteur beside two peers on the public sets: same records, same truth, one table.

    python3 tests/bench/peers/peers.py target/release/pisteur [SET ...]

makes a virtual environment in a temporary folder (or in $PISTEUR_PEERS_VENV), installs the pinned peers there and runs
all, or the sets that are named. The sets are looked for in $PISTEUR_CORPORA, else in ../shared/corpora. The peers are
never a part of the product; splink and jellyfish are MIT, recordlinkage is BSD-3-Clause.

Rules, the same for all: weights are fitted without labels; ids, clusters and the order of the records are shown to
nobody (they are shuffled); a pair counts once; a pair that blocking never sees is a miss. Three seeds shuffle, sample
and fit; each number is the median of its three runs. The peers have a set-up for each set, ours has one for all. Where
their guides leave a choice, that which scored best with the truth in hand was taken, which favours them.

- splink (its tutorial, its examples on fake_1000, febrl3 and febrl4, its guide on phonetic columns): the comparison
  library with its own thresholds, term frequencies, a level for names that stand in each other's field, a dozen
  blocking rules (all pairs of fake_1000, which is small), the prior from deterministic rules with an assumed recall,
  u by random sampling, m by expectation maximisation in several sessions with different blocks.
- recordlinkage (its guides on deduplication and classification): united blocks, also on sounds and across the name
  fields, texts by Jaro-Winkler or Levenshtein with a threshold, expectation maximisation, its unsupervised Fellegi and
  Sunter. It knows no absent value, only a disagreement. Its k-means stays far behind on fake_1000 and the restaurants.

The columns:
- p>=.5 and p>=.95: precision, recall and F1 of the pairs at this probability. Ours are "match or review" and "match"
  at the shipped cuts; match is meant to be certain, and stricter than .95.
- best: F1 of a peer at its best threshold, which needs the truth: an upper bound.
- groups: F1 of the pairs that grouping implies, at .5, .95 and the best threshold of a peer: all that is connected, or
  between two files the best partner of each. Ours has the entities that it made by itself, on match alone.
"""

import csv
import itertools
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time

PINNED = ["splink==5.0.0", "recordlinkage==0.16", "jellyfish==1.3.0"]
SEEDS = (1, 2, 3)
# Thresholds that are tried for the best grouping.
CUTS = 50
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
    ("febrl3-without", ["febrl3/records.csv"], "rec_id", "febrl3/truth_pairs.csv", "febrl_without.toml", WITHOUT),
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


def derived(row):
    """What an expert makes of the columns before comparing them: sounds, parts of an address, a plain name."""
    import jellyfish

    more = {}
    for column in ("first_name", "given_name", "surname"):
        if row.get(column):
            more["sound_" + column] = jellyfish.metaphone(row[column]) or None
    if row.get("email"):
        more["user"] = row["email"].split("@")[0]
    if row.get("address_1"):
        more["street_start"] = row["address_1"][:6]
    if row.get("addr"):
        number = re.match(r"\d+", row["addr"])
        noise = (r"^\d+\s*|\b(st|ave|blvd|rd|dr|street|avenue|boulevard|road|drive|[wens]|west|east|north|south"
                 r"|between.*|at.*|off.*|near.*)\b\.?|[^a-z0-9 ]")
        more["number"] = number and number[0]
        more["street"] = re.sub(noise, "", row["addr"].lower()).strip() or None
        noise = r"\(.*?\)|[^a-z0-9 ]|\b(the|restaurant|cafe)\b"
        more["plain_name"] = re.sub(noise, "", row["name"].lower()).strip() or None
    return more


def records(files, id_column, columns, seed):
    """Each file as rows of the columns and what is derived from them, shuffled; an empty value is None."""
    tables = []
    for path in files:
        table = rows(path)
        random.Random(seed).shuffle(table)
        shown = [{"unique_id": row[id_column], **{c: row[c] or None for c in columns}} for row in table]
        for row in shown:
            if row.get("phone"):
                row["phone"] = "".join(c for c in row["phone"] if c.isdigit())
        more = [derived(row) for row in shown]
        names = sorted({name for row in more for name in row})
        tables.append([{**row, **{name: extra.get(name) for name in names}} for row, extra in zip(shown, more)])
    return tables


def measured(found, true):
    hit = len(found & true)
    precision, recall = (hit / len(found) if found else 0.0), hit / len(true)
    return precision, recall, (2 * precision * recall / (precision + recall) if hit else 0.0)


def at(scored, cut):
    return {two for two, score in scored.items() if score >= cut}


def best(scored, true):
    """The best F1 of any threshold, with the truth in hand."""
    top, hit, ranked = 0.0, 0, sorted(scored.items(), key=lambda item: -item[1])
    for n, (two, score) in enumerate(ranked, 1):
        hit += two in true
        if n == len(ranked) or ranked[n][1] < score:
            top = max(top, 2 * hit / (n + len(true)))
    return top


def grouped(scored, cut, linking):
    """The pairs that grouping implies."""
    if linking:
        taken, found = set(), set()
        for two, score in sorted(scored.items(), key=lambda item: -item[1]):
            if score >= cut and not taken & set(two):
                taken.update(two)
                found.add(two)
        return found
    group = {}
    for a, b in at(scored, cut):
        one, other = group.setdefault(a, [a]), group.setdefault(b, [b])
        if one is not other:
            one += other
            group.update(dict.fromkeys(other, one))
    return {pair(*two) for members in {id(m): m for m in group.values()}.values()
            for two in itertools.combinations(members, 2)}


def figures(scored, true, linking):
    """Candidate recall, the two cuts, the best F1 and the three of the groups, one after another."""
    said = sorted({score for score in scored.values() if score > 0.01})
    cuts = {0.5, 0.95, *(said[n * (len(said) - 1) // (CUTS - 1)] for n in range(CUTS) if said)}
    groups = {cut: measured(grouped(scored, cut, linking), true)[2] for cut in cuts}
    return [len(true & scored.keys()) / len(true), *measured(at(scored, 0.5), true), *measured(at(scored, 0.95), true),
            best(scored, true), groups[0.5], groups[0.95], max(groups.values())]


def ours(binary, files, truth_file, map_file, seed):
    sides = [word for side, path in zip(["--left", "--right"], files) for word in (side, str(CORPORA / path))]
    command = [binary, "match", "eval", "--json", "--seed", str(seed), *sides, "--truth", str(CORPORA / truth_file),
               "--map", str(MAPS / map_file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    said = json.loads(done.stdout)
    three = lambda which: [said[which][key] for key in ("precision", "recall", "f1")]
    return [said["candidate_recall"], *three("pairs_match_or_review"), *three("pairs_match"), None, None,
            said["entities"]["f1"], None]


def splink_model(columns):
    """Comparisons, blocking rules, rules for the prior with their assumed recall, and blocks of the sessions."""
    import splink.comparison_level_library as cll
    import splink.comparison_library as cl
    from splink import block_on

    frequent = {"term_frequency_adjustments": True}

    def crossed(name, other):
        """The library's NameComparison with a level for a name that stands in the other's field."""
        return cl.CustomComparison(output_column_name=name, comparison_levels=[
            cll.NullLevel(name), cll.ExactMatchLevel(name, **frequent),
            cll.JaroWinklerLevel(name, 0.92), cll.JaroWinklerLevel(name, 0.88),
            {"sql_condition": f"{name}_l = {other}_r or {other}_l = {name}_r", "label_for_charts": "crossed"},
            cll.JaroWinklerLevel(name, 0.7), cll.ElseLevel()])

    if "given_name" in columns:
        compared = [
            cl.JaroWinklerAtThresholds("address_1", [0.9, 0.7]).configure(**frequent),
            cl.JaroWinklerAtThresholds("address_2", [0.9, 0.7]).configure(**frequent),
            cl.JaroWinklerAtThresholds("suburb", [0.9, 0.7]).configure(**frequent),
            cl.DamerauLevenshteinAtThresholds("street_number", [1]).configure(**frequent),
            cl.DamerauLevenshteinAtThresholds("postcode", [1, 2]).configure(**frequent),
            cl.ExactMatch("state").configure(**frequent),
        ]
        rules = [block_on(c) for c in ("given_name", "surname", "postcode", "address_1", "address_2", "suburb",
                                       "sound_given_name", "sound_surname", "street_start")]
        rules += ["l.given_name = r.surname", "l.surname = r.given_name", block_on("street_number", "state"),
                  block_on("substr(given_name, 1, 3)", "substr(surname, 1, 3)"),
                  block_on("street_number", "substr(postcode, 1, 2)")]
        if "soc_sec_id" in columns:
            compared += [cl.NameComparison("given_name"), cl.NameComparison("surname"),
                         cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
                         cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1, 2])]
            sure = [block_on("soc_sec_id"), block_on("given_name", "surname", "date_of_birth"),
                    "l.given_name = r.surname and l.surname = r.given_name and l.date_of_birth = r.date_of_birth"]
            return (compared, rules + [block_on("soc_sec_id"), block_on("date_of_birth")], sure, 0.9,
                    [block_on("date_of_birth"), block_on("postcode")])
        compared += [crossed("given_name", "surname"), crossed("surname", "given_name")]
        sure = [block_on("given_name", "surname", "postcode"), block_on("given_name", "surname", "address_1"),
                block_on("surname", "postcode", "street_number"), block_on("given_name", "postcode", "street_number"),
                block_on("address_1", "street_number", "given_name"), block_on("address_1", "street_number", "surname")]
        sessions = [block_on("given_name", "surname"), block_on("postcode"), block_on("address_1")]
        return compared, rules, sure, 0.7, sessions
    if "dob" in columns:
        compared = [
            crossed("first_name", "surname"), crossed("surname", "first_name"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.JaroWinklerAtThresholds("city", [0.9, 0.8]).configure(**frequent),
            cl.EmailComparison("email"),
        ]
        sure = ["l.first_name = r.first_name and levenshtein(r.dob, l.dob) <= 1",
                "l.surname = r.surname and levenshtein(r.dob, l.dob) <= 1",
                "l.first_name = r.first_name and levenshtein(r.surname, l.surname) <= 2", block_on("email")]
        return compared, ["1 = 1"], sure, 0.7, [block_on("dob"), block_on("email"), block_on("first_name", "surname"),
                                                block_on("surname"), block_on("first_name")]
    compared = [
        cl.NameComparison("plain_name"),
        cl.JaroWinklerAtThresholds("addr", [0.9, 0.7]),
        cl.JaroWinklerAtThresholds("city", [0.9, 0.7]).configure(**frequent),
        cl.ExactMatch("phone"),
    ]
    rules = [block_on("phone"), block_on("name"), block_on("addr"), block_on("substr(name, 1, 4)"),
             block_on("substr(addr, 1, 6)")]
    sure = ["l.phone = r.phone and jaro_winkler_similarity(l.name, r.name) > 0.7", block_on("name", "number")]
    return compared, rules, sure, 0.8, [block_on("phone"), block_on("name")]


def splink(tables, columns, seed):
    from splink import DuckDBAPI, Linker, SettingsCreator
    import pandas

    compared, rules, sure, recall, sessions = splink_model(columns)
    settings = SettingsCreator(link_type="dedupe_only" if len(tables) == 1 else "link_only", comparisons=compared,
                               blocking_rules_to_generate_predictions=rules)
    api = DuckDBAPI()
    registered = [api.register(pandas.DataFrame(table), table_name=f"side_{n}") for n, table in enumerate(tables)]
    linker = Linker(registered[0] if len(registered) == 1 else registered, settings, log_level=40)
    linker.training.estimate_probability_two_random_records_match(sure, recall=recall)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e7, seed=seed)
    maximise = linker.training.estimate_parameters_using_expectation_maximisation
    for session in sessions:
        maximise(session, estimate_without_term_frequencies=True)
    found = linker.inference.predict(threshold_match_probability=0.001).as_pandas_dataframe()
    return {pair(str(a), str(b)): float(p)
            for a, b, p in zip(found["unique_id_l"], found["unique_id_r"], found["match_probability"])}


def recordlinkage_model(columns):
    """Blocks (two names in a tuple: across) and comparisons with their thresholds; no block is all pairs."""
    if "given_name" in columns:
        known = [c for c in ("date_of_birth", "soc_sec_id") if c in columns]
        blocks = ["address_1", "address_2", "street_start", ["given_name", "surname"], ["surname", "postcode"],
                  ["given_name", "postcode"], ["surname", "suburb"], ["given_name", "suburb"],
                  ["street_number", "postcode"], ["street_number", "suburb"], ["street_number", "given_name"],
                  ["street_number", "surname"], ["sound_given_name", "sound_surname"], ["sound_given_name", "state"],
                  ["sound_surname", "state"], *known]
        # With a number that is nearly proof, the names may be stricter.
        texts, house = (0.9, ("exact", None)) if known else (0.85, ("levenshtein", 0.6))
        compared = [(c, "jarowinkler", texts) for c in ("given_name", "surname", "address_1", "address_2", "suburb")]
        compared += [("street_number", *house), ("postcode", "levenshtein", 0.75), ("state", "exact", None)]
        return blocks, compared + [(c, "levenshtein", 0.7) for c in known]
    if "dob" in columns:
        blocks = ["first_name", "surname", "dob", "email", "user", "sound_first_name", "sound_surname",
                  ("first_name", "surname"), ("surname", "first_name")]
        compared = [(c, "levenshtein", 0.7) for c in ("first_name", "surname", "city")]
        return blocks, [*compared, ("email", "levenshtein", 0.75), ("dob", "levenshtein", 0.8)]
    return [], [("plain_name", "jarowinkler", 0.8), ("number", "exact", None), ("street", "jarowinkler", 0.85),
                ("phone", "levenshtein", 0.9)]


def recordlinkage(tables, columns, _seed):
    import logging
    import pandas
    import recordlinkage as peer

    logging.getLogger("recordlinkage").setLevel(logging.ERROR)
    frames = [pandas.DataFrame(table).set_index("unique_id") for table in tables]
    blocks, compared = recordlinkage_model(columns)
    index = peer.Index()
    for block in blocks:
        index.block(*block) if isinstance(block, tuple) else index.block(block)
    if not blocks:
        index.full()
    compare = peer.Compare()
    for column, method, threshold in compared:
        if method == "exact":
            compare.exact(column, column)
        else:
            compare.string(column, column, method=method, threshold=threshold)
    features = compare.compute(index.index(*frames), *frames)
    # A field in which all pairs are alike tells ECM nothing and stops it.
    features = features[[name for name in features if features[name].nunique() > 1]]
    ecm = peer.ECMClassifier(binarize=0.5)
    ecm.fit(features)
    return {pair(str(a), str(b)): float(p) for (a, b), p in ecm.prob(features).items()}


def line(name, system, runs):
    """One row: of each number the median of the runs."""
    middle = [None if None in column else statistics.median(column) for column in zip(*runs)]
    show = lambda values: "/".join("-" if value is None else f"{value:.4f}" for value in values)
    recall, half, sure, top, groups = (show(middle[a:b]) for a, b in ((0, 1), (1, 4), (4, 7), (7, 8), (8, 11)))
    print(f"{name:<15} {system:<14} {recall}  {half:<21} {sure:<21} {top:<7} {groups:<21} {middle[11]:7.1f}",
          flush=True)


def table(binary, wanted):
    print(f"{'set':<15} {'system':<14} {'cand.R':<7} {'P/R/F1 at p>=.5':<21} {'P/R/F1 at p>=.95':<21} {'best F1':<7} "
          f"{'F1 of groups':<21} {'seconds':>7}")
    for name, files, id_column, truth_file, map_file, columns in SETS:
        if wanted and name not in wanted:
            continue
        true = truth(truth_file, id_column)

        def run(system, seed):
            if system == "pisteur":
                began = time.monotonic()
                return [*ours(binary, files, truth_file, map_file, seed), time.monotonic() - began]
            tables = records(files, id_column, columns, seed)
            began = time.monotonic()
            scored = {"splink": splink, "recordlinkage": recordlinkage}[system](tables, columns, seed)
            seconds = time.monotonic() - began
            return [*figures(scored, true, len(files) > 1), seconds]

        for system in ("pisteur", "splink", "recordlinkage"):
            try:
                line(name, system, [run(system, seed) for seed in SEEDS])
            except Exception as why:  # what fails has its row, whatever the reason
                why = f"{type(why).__name__}: {str(why).splitlines()[:1]}"
                print(f"{name:<15} {system:<14} did not run: {why}", flush=True)


def main():
    names = [entry[0] for entry in SETS]
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK) or set(sys.argv[2:]) - set(names):
        sys.exit("usage: peers.py PISTEUR [SET ...]: the path of the binary, which cargo build --release makes; the "
                 "sets are " + ", ".join(names))
    if os.environ.get("PISTEUR_PEERS_INSIDE"):
        return table(sys.argv[1], sys.argv[2:])
    with tempfile.TemporaryDirectory(prefix="pisteur-peers-") as folder:
        venv = pathlib.Path(os.environ.get("PISTEUR_PEERS_VENV", folder))
        python = venv / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        for package in PINNED:
            # One that does not install says so in its rows.
            subprocess.run([str(python), "-m", "pip", "install", "-q", package], check=False)
        inside = {**os.environ, "PISTEUR_PEERS_INSIDE": "1", "PYTHONWARNINGS": "ignore"}
        command = [str(python), __file__, os.path.abspath(sys.argv[1]), *sys.argv[2:]]
        sys.exit(subprocess.run(command, env=inside, check=False).returncode)


if __name__ == "__main__":
    main()
