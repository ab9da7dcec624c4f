/* SPDX-License-Identifier: BSD-2-Clause */
/* Classic BPF as seccomp runs it, to learn what a filter that was read from a process would answer. */
#ifndef DOCTOR_FILTER_H
#define DOCTOR_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Runs a filter of count instructions on a call: false if it is none that the kernel would have taken, else
 * what it answers is in action (SECCOMP_RET_*, with its data).
 */
bool filter_run(const struct sock_filter *program, size_t count, const struct seccomp_data *call,
		uint32_t *action);

/* Of two answers the one that the kernel follows: a process may have several filters. */
uint32_t filter_stricter(uint32_t a, uint32_t b);

/* Whether a call that gets this answer is made. */
bool filter_allows(uint32_t action);

/* What the caller meets, in words: "EPERM", "the end of the process". */
const char *filter_answer(uint32_t action);

#endif
