/*
 * A flat interface to the hash and btree databases of libdb 5.3: no macro, structure or
 * function pointer of db.h reaches Rust.  Every function that can fail returns
 * 0 or an error number, which shim_error puts into words.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <db.h>

/* What a new database is to be like.  0 leaves a choice to libdb. */
struct shim_options {
    uint32_t page_size;
    uint32_t byte_order; /* 1234 or 4321 */
    uint32_t checksums;
    uint32_t duplicates; /* 1: in the order of arrival, 2: sorted */
    uint32_t fill_factor;
    uint32_t elements;
    uint32_t partitions; /* files of their own */
    uint32_t btree;
    uint32_t minimum_keys; /* of a btree's page */
    uint32_t record_numbers;
};

const char *shim_error(int error)
{
    return db_strerror(error);
}

/* Error numbers say enough: without this, libdb also prints to standard error. */
static void be_quiet(const DB_ENV *env, const char *prefix, const char *message)
{
    (void) env, (void) prefix, (void) message;
}

static uint32_t partition(DB *db, DBT *key)
{
    (void) db;
    return key->size;
}

static int prepare(DB *db, const struct shim_options *options)
{
    uint32_t flags = 0;
    int error = 0;

    db->set_errcall(db, be_quiet);
    if (options->checksums)
        flags |= DB_CHKSUM;
    if (options->duplicates == 1)
        flags |= DB_DUP;
    if (options->duplicates == 2)
        flags |= DB_DUPSORT;
    if (options->record_numbers)
        flags |= DB_RECNUM;
    if (flags)
        error = db->set_flags(db, flags);
    if (!error && options->page_size)
        error = db->set_pagesize(db, options->page_size);
    if (!error && options->byte_order)
        error = db->set_lorder(db, (int) options->byte_order);
    if (!error && options->fill_factor)
        error = db->set_h_ffactor(db, options->fill_factor);
    if (!error && options->elements)
        error = db->set_h_nelem(db, options->elements);
    if (!error && options->minimum_keys)
        error = db->set_bt_minkey(db, options->minimum_keys);
    if (!error && options->partitions)
        error = db->set_partition(db, options->partitions, NULL, partition);
    return error;
}

/* Adds a database to the file, which is made if need be: `name`, or the only one. */
int shim_create(DB **out, const char *path, const char *name, const struct shim_options *options)
{
    DB *db;
    DBTYPE type = options->btree ? DB_BTREE : DB_HASH;
    int error = db_create(&db, NULL, 0);

    if (error)
        return error;
    error = prepare(db, options);
    if (!error)
        error = db->open(db, NULL, path, name, type, DB_CREATE | DB_EXCL, 0644);
    if (error)
        db->close(db, 0);
    else
        *out = db;
    return error;
}

/* Opens a database for reading, through a cache of `cache` bytes. */
int shim_open(DB **out, const char *path, const char *name, uint32_t cache)
{
    DB *db;
    int error = db_create(&db, NULL, 0);

    if (error)
        return error;
    error = db->set_cachesize(db, 0, cache, 0);
    if (!error)
        error = db->open(db, NULL, path, name, DB_UNKNOWN, DB_RDONLY, 0);
    if (error)
        db->close(db, 0);
    else
        *out = db;
    return error;
}

static DBT item(const void *bytes, uint32_t len)
{
    DBT dbt;

    memset(&dbt, 0, sizeof dbt);
    dbt.data = (void *) bytes;
    dbt.size = len;
    return dbt;
}

/* Replaces the key's data, or adds to them where the database has duplicates. */
int shim_put(DB *db, const void *key, uint32_t key_len, const void *data, uint32_t data_len)
{
    DBT k = item(key, key_len), d = item(data, data_len);

    return db->put(db, NULL, &k, &d, 0);
}

/* Lends the first data item of the key, until the next call; `*found` says whether there is one. */
int shim_get(DB *db, const void *key, uint32_t key_len, const void **data, uint32_t *data_len, int *found)
{
    DBT k = item(key, key_len), d = item(NULL, 0);
    int error = db->get(db, NULL, &k, &d, 0);

    *found = !error;
    *data = d.data;
    *data_len = d.size;
    return error == DB_NOTFOUND ? 0 : error;
}

/* Removes the key with all its data; `*found` says whether it was there. */
int shim_delete(DB *db, const void *key, uint32_t key_len, int *found)
{
    DBT k = item(key, key_len);
    int error = db->del(db, NULL, &k, 0);

    *found = !error;
    return error == DB_NOTFOUND ? 0 : error;
}

/* Removes one data item of the key; `*found` says whether it was there. */
int shim_delete_pair(DB *db, const void *key, uint32_t key_len, const void *data, uint32_t data_len, int *found)
{
    DBT k = item(key, key_len), d = item(data, data_len);
    DBC *cursor;
    int error = db->cursor(db, NULL, &cursor, 0);
    int closed;

    *found = 0;
    if (error)
        return error;
    error = cursor->get(cursor, &k, &d, DB_GET_BOTH);
    if (!error) {
        *found = 1;
        error = cursor->del(cursor, 0);
    }
    closed = cursor->close(cursor);
    if (error == DB_NOTFOUND)
        error = 0;
    return error ? error : closed;
}

/* Writes what is in the cache and gives up the handle, whatever it returns. */
int shim_close(DB *db)
{
    return db->close(db, 0);
}
