/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of up to limit keys (not 0), each with its number 0, 1 and so on in the order of insertion: open
 * addressing in one allocation that never grows and from which nothing is removed. That is why a reader
 * needs no lock: a key that was seen stays where it is, with its number. Writers exclude each other.
 */
#ifndef RAS_PAGES_H
#define RAS_PAGES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct page_slot {
	_Atomic uint64_t key; /* 0: free */
	uint32_t number;      /* written before the key */
};

#define PAGES_NONE UINT32_MAX

struct page_set {
	struct page_slot *slots;
	size_t mask;
	uint32_t limit;
	_Atomic uint32_t count;
};

/* False with errno: no memory. */
bool pages_init(struct page_set *set, uint32_t limit);
void pages_free(struct page_set *set);
void pages_clear(struct page_set *set);

/* The key's number, or PAGES_NONE. Any thread. */
uint32_t pages_find(const struct page_set *set, uint64_t key);

/* The number the key has or gets; PAGES_NONE if there is no room. One thread at a time. */
uint32_t pages_add(struct page_set *set, uint64_t key);

/* The key at a place of the table, 0 to mask, or 0. */
uint64_t pages_at(const struct page_set *set, size_t place);

#endif
