/*
 * The C libraries that the lookups are compared with, behind one interface.
 *
 * Each answers the queries of a round in one call, so that its loop is C as its
 * users' loops are, and no call from Rust is timed.  A function that can fail
 * returns what its library says of the failure, or NULL.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cdb.h>
#include <db.h>
#include <lmdb.h>

/*
 * Some of `Keys` of Rust, which follow each other, each with a NUL after it:
 * those from index `start` to before index `end`.  `ends` are behind the NULs.
 */
struct keys {
    const unsigned char *bytes;
    const size_t *ends;
    size_t start;
    size_t end;
};

/* The first key; the one behind each is at its end. */
static inline size_t first_key(const struct keys *keys)
{
    return keys->start ? keys->ends[keys->start - 1] : 0;
}

/* `Answers` of Rust. */
struct answers {
    uint64_t found;
    uint64_t digest;
};

/* `Engine` of Rust. */
struct engine {
    const char *(*version)(void);
    const char *(*open)(void **handle, const char *path, uint32_t cache);
    const char *(*get_range)(void *handle, const struct keys *keys, size_t touch, struct answers *answers);
    void (*close)(void *handle);
};

/* `Answers::add` of Rust. */
static inline void add(struct answers *answers, size_t index, const unsigned char *value, size_t len, size_t touch)
{
    const uint64_t prime = 0x100000001b3;
    uint64_t digest = (index ^ len) * prime;
    size_t i;

    for (i = 0; i < len && i < touch; i++)
        digest = (digest ^ value[i]) * prime;
    answers->found++;
    answers->digest += digest;
}

/* The length of a value that ends in a NUL without it. */
static inline size_t before_nul(size_t len)
{
    return len ? len - 1 : 0;
}

/* libdb: keys and values have their NUL in the file. */

static const char *libdb_version(void)
{
    return db_version(NULL, NULL, NULL);
}

/* Error numbers say enough: without this, libdb also prints to standard error. */
static void be_quiet(const DB_ENV *env, const char *prefix, const char *message)
{
    (void) env, (void) prefix, (void) message;
}

static const char *libdb_open(void **handle, const char *path, uint32_t cache)
{
    DB *db;
    int error = db_create(&db, NULL, 0);

    if (error)
        return db_strerror(error);
    db->set_errcall(db, be_quiet);
    error = db->set_cachesize(db, 0, cache, 0);
    if (!error)
        error = db->open(db, NULL, path, NULL, DB_UNKNOWN, DB_RDONLY, 0);
    if (error) {
        db->close(db, 0);
        return db_strerror(error);
    }
    *handle = db;
    return NULL;
}

static const char *libdb_get_range(void *handle, const struct keys *keys, size_t touch, struct answers *answers)
{
    DB *db = handle;
    DBT key, value;
    size_t i, at = first_key(keys);

    memset(&key, 0, sizeof key);
    memset(&value, 0, sizeof value);
    for (i = keys->start; i < keys->end; at = keys->ends[i++]) {
        int error;

        key.data = (void *) (keys->bytes + at);
        key.size = keys->ends[i] - at;
        error = db->get(db, NULL, &key, &value, 0);
        if (!error)
            add(answers, i, value.data, before_nul(value.size), touch);
        else if (error != DB_NOTFOUND)
            return db_strerror(error);
    }
    return NULL;
}

static void libdb_close(void *handle)
{
    DB *db = handle;

    db->close(db, 0);
}

const struct engine libdb_engine = {libdb_version, libdb_open, libdb_get_range, libdb_close};

/* tinycdb: neither keys nor values have a NUL in the file. */

static const char *tinycdb_version(void)
{
#define TEXT_OF(macro) TEXT(macro)
#define TEXT(token) #token
    return "tinycdb " TEXT_OF(TINYCDB_VERSION);
}

static const char *tinycdb_open(void **handle, const char *path, uint32_t cache)
{
    struct cdb *cdb;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    (void) cache;
    if (fd < 0)
        return strerror(errno);
    cdb = malloc(sizeof *cdb);
    if (!cdb || cdb_init(cdb, fd) != 0) {
        const char *message = strerror(errno);

        free(cdb);
        close(fd);
        return message;
    }
    *handle = cdb;
    return NULL;
}

static const char *tinycdb_get_range(void *handle, const struct keys *keys, size_t touch, struct answers *answers)
{
    struct cdb *cdb = handle;
    size_t i, at = first_key(keys);

    for (i = keys->start; i < keys->end; at = keys->ends[i++]) {
        int found = cdb_find(cdb, keys->bytes + at, keys->ends[i] - at - 1);

        if (found > 0)
            add(answers, i, cdb_getdata(cdb), cdb_datalen(cdb), touch);
        else if (found < 0)
            return strerror(errno);
    }
    return NULL;
}

static void tinycdb_close(void *handle)
{
    struct cdb *cdb = handle;
    int fd = cdb_fileno(cdb);

    cdb_free(cdb);
    close(fd);
    free(cdb);
}

const struct engine tinycdb_engine = {tinycdb_version, tinycdb_open, tinycdb_get_range, tinycdb_close};

/* LMDB, in one read transaction: keys and values have their NUL in the file. */

struct lmdb {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
};

static const char *lmdb_version(void)
{
    return mdb_version(NULL, NULL, NULL);
}

static void lmdb_close(void *handle)
{
    struct lmdb *lmdb = handle;

    if (lmdb->txn)
        mdb_txn_abort(lmdb->txn);
    mdb_env_close(lmdb->env);
    free(lmdb);
}

static const char *lmdb_open(void **handle, const char *path, uint32_t cache)
{
    struct lmdb *lmdb = calloc(1, sizeof *lmdb);
    int error;

    (void) cache;
    if (!lmdb)
        return strerror(errno);
    error = mdb_env_create(&lmdb->env);
    if (error) {
        free(lmdb);
        return mdb_strerror(error);
    }
    error = mdb_env_open(lmdb->env, path, MDB_NOSUBDIR | MDB_RDONLY | MDB_NOLOCK, 0);
    if (!error)
        error = mdb_txn_begin(lmdb->env, NULL, MDB_RDONLY, &lmdb->txn);
    if (!error)
        error = mdb_dbi_open(lmdb->txn, NULL, 0, &lmdb->dbi);
    if (error) {
        lmdb_close(lmdb);
        return mdb_strerror(error);
    }
    *handle = lmdb;
    return NULL;
}

static const char *lmdb_get_range(void *handle, const struct keys *keys, size_t touch, struct answers *answers)
{
    struct lmdb *lmdb = handle;
    MDB_val key, value;
    size_t i, at = first_key(keys);

    for (i = keys->start; i < keys->end; at = keys->ends[i++]) {
        int error;

        key.mv_data = (void *) (keys->bytes + at);
        key.mv_size = keys->ends[i] - at;
        error = mdb_get(lmdb->txn, lmdb->dbi, &key, &value);
        if (!error)
            add(answers, i, value.mv_data, before_nul(value.mv_size), touch);
        else if (error != MDB_NOTFOUND)
            return mdb_strerror(error);
    }
    return NULL;
}

const struct engine lmdb_engine = {lmdb_version, lmdb_open, lmdb_get_range, lmdb_close};
