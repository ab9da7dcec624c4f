/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's code and tables, and what changes them under a session. */
#ifndef RACE_GUEST_H
#define RACE_GUEST_H

#include <salvage/space.h>

#include "race-model.h"

#define RACE_LEVEL1 (RACE_RAM + 0x3000) /* the first table */

/* Guest memory, shared with the threads that change it; read and written with atomics only. */
extern uint64_t race_ram[RACE_RAM_SIZE / 8], race_flash[0x1000 / 8];

/* All as in the beginning, with data of that generator. No thread may change anything meanwhile. */
void race_guest_reset(uint64_t *random);

/* Where an address of RAM is here. */
void *race_host(uint64_t ipa);

/*
 * One change, drawn from that generator: of an instruction, of a descriptor, of which page is bad, of any of
 * these.
 */
void race_change_code(uint64_t *random);
void race_change_tables(uint64_t *random);
void race_change_poison(uint64_t *random);
void race_change(uint64_t *random);

/* SV_OK, or SV_FAULT where the page is bad. */
enum sv_status race_read(const struct sv_region *region, uint64_t ipa, unsigned size, uint64_t *value);

void race_store(void *to, unsigned size, uint64_t value);

#endif
