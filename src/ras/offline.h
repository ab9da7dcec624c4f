/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking a host page out of service: what the kernel's APEI code does with an error that firmware claims. */
#ifndef RAS_OFFLINE_H
#define RAS_OFFLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The files the kernel is asked through; tests have some of their own. */
struct offline_files {
	const char *pagemap; /* /proc/PID/pagemap */
	const char *hard;    /* /sys/devices/system/memory/hard_offline_page */
	const char *soft;    /* …/soft_offline_page */
};

/*
 * The physical address of the page that holds the virtual address of the process whose pagemap it is. False
 * with why, of size bytes, saying what is missing.
 */
bool offline_find(const struct offline_files *files, uint64_t address, uint64_t *physical, char *why,
		  size_t size);

/*
 * hard: as after an uncorrected error; who has it mapped gets SIGBUS. Else soft: its content is moved first,
 * which reads it. Nothing is done if dry, but all is checked that can be. False with why.
 */
bool offline_page(const struct offline_files *files, uint64_t physical, bool hard, bool dry, char *why,
		  size_t size);

#endif
