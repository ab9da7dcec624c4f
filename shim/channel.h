/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the shim in the VMM's process and its helper share: one mapping, made before the VMM starts. The vCPU
 * threads only write there; files, SQLite and whatever a sandbox might forbid are the helper's. Nobody but the
 * futex is asked for anything.
 *
 * Messages are taken in the order of the queue, each wholly dealt with before the next: who needs an answer (a
 * page on disk, the windows of a device tree) waits until its own is taken.
 */
#ifndef SHIM_CHANNEL_H
#define SHIM_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <salvage/abort.h>
#include <salvage/policy.h>
#include <salvage/ras.h>

#define SHIM_MAGIC UINT64_C(0x31706172576c6153)

/* The shim and the helper are of one build: what they share has this size in both. */
#define SHIM_VERSION ((uint32_t)sizeof(struct shim_channel))

#define SHIM_RULES    256
#define SHIM_MESSAGES 256 /* a power of two */
#define SHIM_WINDOWS  512
#define SHIM_TREE     (2u << 20) /* the largest device tree that Linux takes */
#define SHIM_TEXT     256

/* What SALVAGE_WRAP in the environment says: "MAPPING LIFE", two file descriptors. */
#define SHIM_ENVIRONMENT "SALVAGE_WRAP"

/* A place by name, for another process. */
struct shim_place {
	uint64_t first, last;
	uint8_t kind; /* enum sv_region_kind */
	char name[64];
};

/* A report without pointers. */
struct shim_report {
	struct sv_report report; /* pointers in it mean nothing; insn is decoded again from word */
	bool has_rule, has_region, has_near;
	struct sv_rule rule;
	struct shim_place region, near; /* near: the nearest to ipa, where that lies in no region */
};

enum shim_kind {
	SHIM_VM,     /* number: a VM was made; text: what of salvage it has */
	SHIM_ABORT,  /* report */
	SHIM_ERROR,  /* a memory error: error, answer, and report if vcpu is a vCPU */
	SHIM_LOOK,   /* the device tree is in the mapping: its windows are wanted */
	SHIM_NOTICE, /* text, for people */
	SHIM_END,    /* number: what the process gave to exit(3); vm: its PID */
};

struct shim_message {
	uint32_t kind; /* enum shim_kind */
	uint32_t vm;   /* from 0, in the order in which the process made them */
	int32_t vcpu;  /* or -1 */
	int32_t number;
	struct shim_report report;
	struct sv_memory_error error;
	struct sv_ras_answer answer; /* rule in it means nothing: see report */
	char text[SHIM_TEXT];
};

/* A window of the guest's device tree. */
struct shim_window {
	uint64_t first, last;
	bool controller; /* of interrupts: inside the kernel, where the VMM left that to it */
	char name[64];
};

struct shim_channel {
	/* Written before the VMM starts. */
	uint64_t magic;
	uint32_t version;
	bool keep_sigbus; /* SIGBUS of vCPUs is the shim's; else it goes to the VMM's handler */
	uint32_t rule_count;
	struct sv_rule rules[SHIM_RULES];

	/* The shim's. */
	atomic_uint attached; /* how many processes have loaded it */
	atomic_int vm_pid;    /* the process that last made a VM, or 0 */
	atomic_ullong dropped;

	/*
	 * The queue: turn of entry i is n * SHIM_MESSAGES + i while it is free for the n-th round, 1 more when it
	 * is full. Producers move head, the helper tail.
	 */
	atomic_uint head, tail;
	atomic_uint bell;     /* a futex: the helper waits for it to change */
	atomic_bool sleeping; /* the helper does */
	atomic_uint waiting;  /* producers that wait for tail, a futex as well */
	atomic_ullong vain;   /* 1 more than the tail at which one waited in vain, or 0 */
	struct {
		atomic_uint turn;
		struct shim_message message;
	} queue[SHIM_MESSAGES];

	/* SHIM_LOOK: one at a time. */
	uint32_t tree_size, window_count;
	bool tree_usable; /* by the helper */
	struct shim_window windows[SHIM_WINDOWS];
	uint8_t tree[SHIM_TREE];
};

/* A new mapping, and its file descriptor for the VMM to inherit; NULL with errno set. */
struct shim_channel *shim_channel_make(int *fd);

/* The mapping behind an inherited descriptor, or NULL: it is none, or of another version. */
struct shim_channel *shim_channel_map(int fd);

/*
 * Any thread. Puts a copy into the queue; *position is for shim_channel_wait. False, and counted as dropped, if
 * the queue is full.
 */
bool shim_channel_put(struct shim_channel *channel, const struct shim_message *message, unsigned *position);

/*
 * Waits until the message there was dealt with. False after that many milliseconds, and at once if somebody has
 * waited in vain since the helper last took one: a helper that is gone costs its VMM one wait, not one for each.
 */
bool shim_channel_wait(struct shim_channel *channel, unsigned position, unsigned milliseconds);

/*
 * The helper: the next message in its place, and when it is dealt with, shim_channel_done. NULL after that many
 * milliseconds, or earlier, without one.
 */
const struct shim_message *shim_channel_next(struct shim_channel *channel, unsigned milliseconds);
void shim_channel_done(struct shim_channel *channel);

/* Wakes shim_channel_next. */
void shim_channel_ring(struct shim_channel *channel);

#endif
