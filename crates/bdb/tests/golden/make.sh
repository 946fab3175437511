#!/bin/sh
# Makes the golden files: by Postfix 3.7, db5.3_load, and libdb's API through the example make_golden; each NAME.dump is
# what db5.3_dump -p prints of NAME.db. Files of one run differ from those of another in their 20 bytes of
# identification and in bytes that carry nothing. They belong to the package bdb-file, whose tests read them; so do those of the package
# map-tests, through the link tests/golden.
#
# Needs the Debian packages postfix, db5.3-util and libdb5.3-dev.
set -eu
PATH=$PATH:/usr/sbin
cd "$(dirname "$0")"
rm -f ./*.db ./*.dump Packages btree/* refused/*.db
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Postfix.
cat >"$scratch/virtual" <<'END'
# Domains, addresses, a continued line, and a key that Postfix folds.
example.com           anything
info@example.com      bob, alice@example.net,
                      "carol smith"@example.org
Postmaster@Example.COM  root
@example.org          catchall
"odd key"@example.net nobody
END
cat >"$scratch/aliases" <<'END'
postmaster: root
root:       alice, bob@example.org
"quoted name": :include:/etc/mail/list
abuse:      postmaster
END
i=0
while [ $i -lt 150 ]; do
    echo "192.0.2.$i REJECT listed as number $i, see https://example.org/$i"
    i=$((i + 1))
done >"$scratch/access"
: >"$scratch/empty"
postmap "hash:$scratch/virtual" "hash:$scratch/access" "hash:$scratch/empty"
postalias "hash:$scratch/aliases"
mv "$scratch/virtual.db" postmap.db
mv "$scratch/access.db" postmap-grown.db
mv "$scratch/empty.db" postmap-empty.db
mv "$scratch/aliases.db" postalias.db
postmap -n "hash:$scratch/virtual"
mv "$scratch/virtual.db" postmap-without-nul.db

# db5.3_load.
load() { # FILE HEADER-LINES, pairs on standard input
    { printf 'VERSION=3\nformat=print\n'; printf '%s\n' "$2" 'HEADER=END'; cat; echo 'DATA=END'; } | db5.3_load "$1"
}
pairs=' apple\00
 green\00
 pear
 yellow
 
 an empty key
 an empty value
 
 \00\ff\\
 bytes'
sets=' one
 first
 several
 b
 several
 a
 several
 
 several
 c'
echo "$pairs" | load load.db 'type=hash
db_pagesize=512'
echo "$pairs" | load load-big-endian.db 'type=hash
db_pagesize=1024
db_lorder=4321'
echo "$pairs" | load load-checksums.db 'type=hash
db_pagesize=2048
chksum=1
h_ffactor=10
h_nelem=30'
echo "$sets" | load load-duplicates.db 'type=hash
db_pagesize=512
duplicates=1'
echo "$sets" | load load-sorted-duplicates.db 'type=hash
db_pagesize=1024
db_lorder=4321
duplicates=1
dupsort=1'
for name in first second; do
    echo "$pairs" | load load-named.db "database=$name
type=hash
db_pagesize=512"
done
echo "$pairs" | load load-named.db 'database=tree
type=btree
db_pagesize=512'

# An RPM database: keys are numbers of packages, data are headers with a name, version, release and a
# long description. Number 0 has the last one.
big() { # numbers, four bytes each
    for number; do
        set -- $((number >> 24)) $((number >> 16 & 255)) $((number >> 8 & 255)) $((number & 255))
        printf '\\%02x\\%02x\\%02x\\%02x' "$@"
    done
}
package() { # NUMBER NAME VERSION RELEASE LENGTH
    version=$((${#2} + 1)) release=$((${#2} + ${#3} + 2)) text=$((${#2} + ${#3} + ${#4} + 3))
    printf ' \\%02x\\00\\00\\00\n ' "$1"
    big 4 $((text + $5 + 1)) 1000 6 0 1 1001 6 $version 1 1002 6 $release 1 1005 9 $text 1
    printf '%s\\00' "$2" "$3" "$4"
    yes "$2 is a package." | tr '\n' ' ' | head -c "$5"
    printf '\\00\n'
}
{
    printf ' %s\n' '\00\00\00\00' '\07\00\00\00'
    package 1 bash 5.1.8 9.el9 9000
    package 2 glibc 2.34 100.el9 12000
    package 7 postfix 3.5.25 1.el9 10000
} | load Packages 'type=hash
db_pagesize=4096
db_lorder=1234'

# Btrees of several levels: small pages, and keys of which some are big.
numbered() { # PADDING
    i=0
    while [ $i -lt 120 ]; do
        case $((i % 15)) in
        0) printf ' key %d %s\n' $i "$(yes big | head -n 120 | tr '\n' '-')" ;;
        *) printf ' key %d%s\n' $i "$1" ;;
        esac
        case $((i % 11)) in
        0) printf ' data %d %s\n' $i "$(yes large | head -n 300 | tr '\n' '+')" ;;
        *) printf ' data %d\n' $i ;;
        esac
        i=$((i + 1))
    done
}
several() { # of every sixth key many, and of some a few
    i=0
    while [ $i -lt 60 ]; do
        j=0
        most=$((i % 6 == 0 ? 40 : i % 3 + 1))
        while [ $j -lt $most ]; do
            printf ' key %d\n data %d of %d, long enough to fill pages\n' $i $((j * 7 % most)) $i
            j=$((j + 1))
        done
        i=$((i + 1))
    done
}
mkdir -p btree
printf '%s\n' "$pairs" | load btree/few.db 'type=btree
db_pagesize=512'
numbered _and_more_of_it | load btree/many.db 'type=btree
db_pagesize=512'
numbered '' | load btree/many-big-endian-checksums.db 'type=btree
db_pagesize=1024
db_lorder=4321
chksum=1'
numbered '' | load btree/record-numbers.db 'type=btree
db_pagesize=512
bt_minkey=4
recnum=1'
several | load btree/duplicates.db 'type=btree
db_pagesize=512
duplicates=1'
several | load btree/sorted-duplicates-big-endian.db 'type=btree
db_pagesize=512
db_lorder=4321
duplicates=1
dupsort=1'

# Files to refuse.
echo "$pairs" | load refused/btree.db 'type=btree
db_pagesize=512'
printf ' record\n' | load refused/recno.db 'type=recno
db_pagesize=512'
printf ' record\n' | load refused/queue.db 'type=queue
re_len=6
db_pagesize=512'
printf ' key\n data\n' | load refused/heap.db 'type=heap
db_pagesize=512'
printf 'key\ndata\n' | db5.3_load -P password -T -t hash -c db_pagesize=512 refused/encrypted.db

# libdb's API.
cargo run --quiet -p map-tests --features peers --example make_golden "$PWD"

for file in *.db btree/*.db; do
    db5.3_dump -p "$file" >"${file%.db}.dump"
done
