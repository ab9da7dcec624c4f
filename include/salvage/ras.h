/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory errors of a guest: one record for all that reports them, a journal that has a page on disk before
 * the guest runs again, and the decision that the embedder's sea:N rules lead to. docs/memory-errors.md has
 * the file formats and what is and is not durable.
 *
 * Per VM: sv_ras_open before the first vCPU runs; sv_ras_record for every error, on whichever thread met it;
 * sv_ras_flush every now and then on a thread that is no vCPU's; sv_ras_close at the end. The ledger
 * (ledger.h) reads the journal on its own, in another thread or process.
 */
#ifndef SALVAGE_RAS_H
#define SALVAGE_RAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <salvage/policy.h>
#include <salvage/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Pages are counted in the granule that KVM_EXIT_ARM_SEA reports addresses in, whatever the guest's is. */
#define SV_RAS_PAGE UINT64_C(4096)

/* Who reported an error. The numbers are part of the journal's format: append only. */
#define SV_RAS_SOURCES(X)                                                                                \
	X(SEA_DATA, "sea-data")         /* KVM_EXIT_ARM_SEA, a data abort */                             \
	X(SEA_INSN, "sea-insn")         /* KVM_EXIT_ARM_SEA, an instruction abort */                     \
	X(SIGBUS_AR, "sigbus-ar")       /* BUS_MCEERR_AR on a vCPU thread that was in KVM_RUN */         \
	X(SIGBUS_AO, "sigbus-ao")       /* BUS_MCEERR_AO on any thread: nobody has consumed the error */ \
	X(MEMORY_FAULT, "memory-fault") /* KVM_EXIT_MEMORY_FAULT */                                      \
	X(HWPOISON, "hwpoison")         /* KVM_RUN failed with EHWPOISON and said no more */             \
	X(IMPORT, "import")             /* a poison file (poison.h): known bad before this start of the VM */

enum sv_ras_source {
#define X(name, text) SV_RAS_##name,
	SV_RAS_SOURCES(X)
#undef X
		SV_RAS_SOURCE_COUNT
};

/* The name as in the list above, or "?". Static. */
const char *sv_ras_source_name(enum sv_ras_source source);

/* What of struct sv_memory_error is valid. The bits are part of the journal's format. */
enum sv_ras_valid {
	SV_RAS_GPA = 1 << 0,
	SV_RAS_GVA = 1 << 1,
	SV_RAS_HVA = 1 << 2,
	SV_RAS_PC = 1 << 3,
	SV_RAS_ESR = 1 << 4,
	/* The hardware gave no address; gpa or gva came of decoding the instruction at the PC. */
	SV_RAS_INFERRED = 1 << 5,
};

/* vcpu of an error that no vCPU met. */
#define SV_RAS_NO_VCPU UINT32_MAX

/* One memory error. Fields whose bit in valid is not set are ignored and recorded as 0. */
struct sv_memory_error {
	uint8_t source; /* enum sv_ras_source */
	uint8_t valid;  /* enum sv_ras_valid */
	uint32_t vcpu;  /* or SV_RAS_NO_VCPU */
	uint64_t esr;   /* as reported */
	uint64_t gpa;   /* bytes; its page is what counts */
	uint64_t gva;
	uint64_t hva; /* address in the VMM's process; "salvage ledger offline" finds the host page by it */
	uint64_t pc;
	uint64_t realtime_ns;  /* CLOCK_REALTIME; 0: sv_ras_record asks the clock */
	uint64_t monotonic_ns; /* CLOCK_MONOTONIC; likewise */
};

/*
 * What makes two errors the same one: the GPA's page; without GPA the GVA's page; without either the one
 * bucket "unknown", which counts as no page. A page that was reported once by GPA and once by GVA alone is
 * two. The numbers are part of the journal's format.
 */
enum sv_ras_kind { SV_RAS_BY_GPA = 1, SV_RAS_BY_GVA, SV_RAS_UNKNOWN };

/* "gpa", "gva" or "unknown"; "?" for anything else. */
const char *sv_ras_kind_name(enum sv_ras_kind kind);

/* The kind of error; *page is its page's address (0 for SV_RAS_UNKNOWN). */
enum sv_ras_kind sv_ras_identify(const struct sv_memory_error *error, uint64_t *page);

/*
 * The 16 bytes that name a VM over its restarts: those of text if it is a UUID in the usual notation, else a
 * version 8 UUID made of text alone. SV_MALFORMED if text is empty or longer than SV_RAS_NAME - 1 bytes.
 */
#define SV_RAS_NAME 64
enum sv_status sv_ras_vm_id(const char *text, uint8_t id[16]);

/* Writes id in the usual notation, with a NUL: 37 bytes. */
void sv_ras_id_text(const uint8_t id[16], char text[37]);

#define SV_RAS_PAGES_DEFAULT 4096
#define SV_RAS_PAGES_MAX     65536

struct sv_poison;

/* What is copied at sv_ras_open, but for poison, which must outlive the sv_ras. */
struct sv_ras_config {
	/* The VM's name or UUID, as for sv_ras_vm_id. */
	const char *vm;
	/*
	 * This start of the VM, all zero for a new one. The pages of a start are counted together: give the
	 * same bytes again when the guest's memory lives on in another process, and a journal of that start
	 * is continued. A cold start has fresh pages, so it must be a new one.
	 */
	uint8_t boot[16];
	/* The journal's file, or NULL to keep nothing on disk. Its directory must exist. One for each VM. */
	const char *journal;
	/* Distinct pages (and 1 more for "unknown") that are told apart; 0 for SV_RAS_PAGES_DEFAULT. */
	uint32_t max_pages;
	/* Its sea:N rules are the thresholds. May be NULL. */
	const struct sv_policy *policy;
	/* Learns every bad GPA page that was not merely inferred. May be NULL. */
	struct sv_poison *poison;
};

/* What an opening has to say: worth a line to the operator even if it succeeded. */
struct sv_ras_opening {
	/* Why it failed, or why a file was set aside; "" if there is nothing to say. */
	char text[512];
	char aside[256];   /* the file that was set aside, or "" */
	uint32_t restored; /* pages of this start that the journal knew already */
	uint8_t boot[16];  /* the start's identity */
};

struct sv_ras;

/*
 * Opens or makes the journal (made: all its room is allocated, written and synced, so that recording needs
 * no more) and allocates all memory that will be needed. A journal that is damaged or full is set aside
 * under another name and a new one started; the ledger reads those too.
 *
 * SV_OK; SV_MALFORMED (the configuration: vm, max_pages, a threshold above max_pages); SV_BUSY (another
 * process has the journal); SV_UNSUPPORTED (a newer version's journal); SV_OVERLAP (another VM's journal);
 * SV_SYSTEM (errno). Then *ras is NULL and opening->text says what and why.
 */
enum sv_status sv_ras_open(const struct sv_ras_config *config, struct sv_ras **ras,
			   struct sv_ras_opening *opening);

/* No other thread may be using it. Flushes counts; NULL is fine. */
void sv_ras_close(struct sv_ras *ras);

enum sv_ras_sighting {
	SV_RAS_NEW,       /* a page that was not known */
	SV_RAS_REPEAT,    /* a known page, or "unknown" again; only counted */
	SV_RAS_CONFIRMED, /* a page known by inference so far was now reported by the hardware */
	SV_RAS_NO_PAGE,   /* the first error without any address */
	SV_RAS_SATURATED, /* max_pages are known: neither recorded nor told apart, only counted */
};

/*
 * Things that an operator must hear of. Each is set in the answer to one single call; SV_RAS_NOT_WRITTEN
 * again only after sv_ras_flush had written everything.
 */
enum sv_ras_notice {
	SV_RAS_NOT_WRITTEN = 1 << 0, /* the journal could not be written; sv_ras_flush will try again */
	SV_RAS_FULL = 1 << 1,        /* the first error that found max_pages known */
	SV_RAS_POISON_FULL = 1 << 2, /* the first page that the poison map had no room for */
};

struct sv_ras_answer {
	uint8_t sighting; /* enum sv_ras_sighting */
	uint8_t notice;   /* enum sv_ras_notice */
	bool durable;     /* the page is on disk */
	uint8_t kind;     /* enum sv_ras_kind */
	/*
	 * The threshold that this page reached or was beyond, or NULL: only ever with a new page, so that a
	 * guest that was resumed is not stopped again for what was decided. Lives as long as the sv_ras.
	 */
	const struct sv_rule *rule;
	int error;         /* with SV_RAS_NOT_WRITTEN: errno */
	uint32_t distinct; /* distinct bad pages by now */
	uint64_t page;     /* see sv_ras_identify */
	uint64_t count;    /* errors on this page by now; with SV_RAS_SATURATED, those that found no room */
};

/*
 * Records one error; any number of threads at once. A first sighting is on disk when this returns (unless
 * the answer says otherwise); it is written under a mutex, so that vCPUs which find new pages at once wait
 * for each other. A repeat takes no lock, makes no system call, and touches nothing but the page's
 * counters. The guest runs on whatever the disk does: failing to write is no error here, but a notice.
 *
 * SV_OK, or SV_MALFORMED with nothing recorded: a source or valid out of range, or SV_RAS_INFERRED without
 * an address.
 */
enum sv_status sv_ras_record(struct sv_ras *ras, const struct sv_memory_error *error,
			     struct sv_ras_answer *answer);

/*
 * Writes counts that changed, and first sightings that could not be written before. Not for a vCPU's thread:
 * it may wait for the disk. What a crash of the VMM can lose is the counts since the last call, never a
 * first sighting. SV_OK, or SV_SYSTEM with errno; then nothing is lost but time, call again.
 */
enum sv_status sv_ras_flush(struct sv_ras *ras);

/* A glance at the numbers, consistent each by itself. Any thread. */
struct sv_ras_state {
	uint32_t distinct;  /* pages by GPA or GVA */
	uint32_t inferred;  /* those of them that only inference speaks of */
	uint32_t unwritten; /* first sightings that are not on disk */
	uint64_t errors;    /* all of this start */
	uint64_t unknown;   /* those without any address */
	uint64_t saturated; /* those that found max_pages known */
};

void sv_ras_state(struct sv_ras *ras, struct sv_ras_state *state);

/*
 * The line for the operator that answers to an error: no newline, cut to size bytes with the NUL. An empty
 * string for a repeat, and for a saturated one without notice: those are not to be printed.
 */
void sv_ras_message(const struct sv_memory_error *error, const struct sv_ras_answer *answer, char *text,
		    size_t size);

/*
 * What the sea:N rules of policy say about a number of distinct pages: pure. rule is the most demanding one
 * that was reached, that is the one with the largest N, or NULL.
 */
struct sv_thresholds {
	const struct sv_rule *rule;
	enum sv_action action; /* SV_ACTION_COUNT without rule */
	uint32_t next;         /* the N that comes next, or 0 */
};

struct sv_thresholds sv_thresholds(const struct sv_policy *policy, uint64_t distinct);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
