/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parts of "salvage explain": a log or options become incidents (explain-log.c, explain-facts.c); an
 * incident an account of what happened (explain-account.c, with explain-situation.c, explain-advice.c,
 * vmm/tree.c, explain-where.c and explain-todo.c); an account text or JSON (explain-print.c).
 */
#ifndef EXPLAIN_H
#define EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <salvage/insn.h>
#include <salvage/policy.h>
#include <salvage/syndrome.h>

#include "../vmm/tree.h"

/* What can be known of an incident. Their keys in JSON are in explain-print.c. */
enum explain_fact {
	FACT_ESR,
	FACT_NISV,
	FACT_IPA,
	FACT_FAR,
	FACT_PC,
	FACT_INSN,
	FACT_PFN, /* of the host */
	FACT_HVA, /* of the VMM's process */
	FACT_PID, /* of the vCPU's thread */
	FACT_COUNT
};

/* What a message was: who spoke, and of what. */
enum explain_message {
	MESSAGE_HOST_NISV,   /* host kernel: a data abort without syndrome */
	MESSAGE_HOST_FSC,    /* host kernel: a fault status KVM does not handle */
	MESSAGE_HOST_MAP,    /* host kernel: a page of the guest could not be mapped */
	MESSAGE_HOST_MEMORY, /* host kernel or VMM: a page of memory failed */
	MESSAGE_TRACE_NISV,  /* host kernel: the kvm_mmio_nisv trace event */
	MESSAGE_VMM_ENOSYS,  /* VMM: KVM_RUN failed, function not implemented */
	MESSAGE_VMM_EFAULT,  /* VMM: KVM_RUN failed, bad address */
	MESSAGE_VMM_NISV,    /* VMM: it could not inject the abort */
	MESSAGE_VMM_HOLE,    /* VMM: an access that no device claims */
	MESSAGE_GUEST_PAGING,
	MESSAGE_GUEST_OOPS,
	MESSAGE_GUEST_UNHANDLED,
	MESSAGE_GUEST_USER,
	MESSAGE_GUEST_SERROR,
	MESSAGE_COUNT
};

/* Plain data. Text in it is printable ASCII. */
struct incident {
	unsigned messages; /* bit n: enum explain_message n */
	unsigned known;    /* bit n: facts[n] is known */
	uint64_t facts[FACT_COUNT];
	uint32_t x_known; /* bit n: Xn; bit 31: SP */
	uint64_t x[32];
	char symbol[96];    /* of the PC, as the guest's kernel prints it */
	char quote[160];    /* the first message */
	unsigned long line; /* of the log, from 1; 0 if the facts were given as options */
	unsigned long count;
};

static inline bool knows(const struct incident *incident, enum explain_fact fact)
{
	return incident->known >> fact & 1;
}

static inline bool said(const struct incident *incident, enum explain_message message)
{
	return incident->messages >> message & 1;
}

#define EXPLAIN_GUEST                                                                            \
	(1u << MESSAGE_GUEST_PAGING | 1u << MESSAGE_GUEST_OOPS | 1u << MESSAGE_GUEST_UNHANDLED | \
	 1u << MESSAGE_GUEST_USER | 1u << MESSAGE_GUEST_SERROR)

static inline void learn(struct incident *incident, enum explain_fact fact, uint64_t value)
{
	incident->facts[fact] = value;
	incident->known |= 1u << fact;
}

/* Distinct incidents that one log is explained for; further ones are counted. */
#define EXPLAIN_INCIDENTS 64

struct incidents {
	struct incident list[EXPLAIN_INCIDENTS];
	size_t count;
	unsigned long more;
};

/*
 * Reads a log to its end in bounded memory, whatever it contains. False on a read error, with errno set.
 */
bool explain_log(FILE *log, struct incidents *incidents);

/* What sort of incident it is. */
enum explain_situation {
	SITUATION_NISV,
	SITUATION_CACHE,
	SITUATION_WALK,
	SITUATION_DESCRIBED,
	SITUATION_UNCLAIMED,
	SITUATION_FETCH,
	SITUATION_SEA,
	SITUATION_MEMORY,
	SITUATION_EXCLUSIVE,
	SITUATION_LDST64B,
	SITUATION_FSC,
	SITUATION_EFAULT,
	SITUATION_GUEST_EXTERNAL,
	SITUATION_GUEST_EXCLUSIVE,
	SITUATION_GUEST_FAULT,
	SITUATION_SERROR,
	SITUATION_NOT_ABORT,
	SITUATION_INSTRUCTION,
	SITUATION_ADDRESS,
};

struct situation {
	const char *word; /* for scripts */
	const char *title, *why;
};

extern const struct situation explain_situations[];

enum explain_situation explain_judge(const struct incident *incident);

/* Text at the beginning of a word of a line, so that "MPC=" is no PC; NULL if there is none. */
const char *explain_match(const char *line, const char *text);

/*
 * 1 to 16 hexadecimal digits with or without 0x, and no letter or digit after them. Returns what follows,
 * or NULL.
 */
const char *explain_hex(const char *at, uint64_t *value);

/* Adds a fact, unless it is known already. */
void explain_take(struct incident *incident, enum explain_fact fact, uint64_t value);

/* The syndrome in an "Internal error" line; false if the line has none. */
bool explain_take_oops(struct incident *incident, const char *line);

/* The thread in "kvm [1234]". */
bool explain_take_pid(const char *line, uint64_t *pid);

/* Whatever a line tells of an incident with these messages. False if that is nothing new. */
bool explain_take_facts(struct incident *incident, const char *line);

enum insn_remedy { REMEDY_NONE, REMEDY_ACCESSORS, REMEDY_COPYING, REMEDY_RAM, REMEDY_CACHE };

/* Kinds of A64 instructions that KVM meets, decoded by this version or not. */
struct insn_kind {
	uint32_t mask, value;
	const char *name;   /* "load/store pair"; NULL for what is no load or store */
	const char *why;    /* why the CPU does not describe it; "" if it does */
	const char *source; /* how it comes into code that talks to devices */
	uint8_t remedy;     /* enum insn_remedy */
};

/* Never NULL. */
const struct insn_kind *explain_insn_kind(uint32_t word);

/* What to write instead: in general (0), in C (1), C++ (2), Rust (3). NULL if there is nothing to say. */
const char *explain_remedy(enum insn_remedy remedy, unsigned language);

/*
 * The same as a sentence to be freed; with language 0 also how such code comes about. NULL too if memory ran
 * out.
 */
char *explain_change(const struct insn_kind *kind, unsigned language);

#define ACCOUNT_TODO 8

/* What is told of an incident. Strings of type char * are the account's: explain_free. */
struct account {
	const struct incident *incident;
	const char *situation; /* one word, for scripts */
	const char *title;     /* what happened, in one line */
	const char *why;       /* why it came to that */
	bool contradicted;     /* the instruction is not the one of the syndrome */
	bool decoded, has_va, has_address, placed;
	struct sv_insn insn;          /* if decoded */
	char disassembly[96];         /* "" without */
	const struct insn_kind *kind; /* NULL if the word is not known */
	uint64_t va;                  /* of the access, from the registers in the log */
	uint64_t address;             /* that place is about */
	bool assumed;                 /* address is a virtual one, taken for physical */
	struct place place;           /* if placed */
	enum sv_cause cause;          /* under which salvage would meet this; SV_CAUSE_COUNT: it would not */
	struct sv_rule rule;          /* that it would follow, unless cause is SV_CAUSE_COUNT */
	char *instruction, *origin, *where, *would;
	char *todo[ACCOUNT_TODO];
	size_t todo_count;
};

/* A formatted string to be freed; NULL, and *ok cleared, if memory ran out. */
char *explain_text(bool *ok, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What lies at account->address, and what to check if it is the wrong thing (NULL: nothing); to be freed. */
char *explain_where(const struct account *account, bool *ok);
char *explain_where_todo(const struct account *account, bool *ok);

/* Whether the CPU leaves this instruction undescribed (ISV=0); false if the word is not known. */
bool explain_undescribed(const struct account *account);

/* Fills account->todo from what is known and what is lacking. */
void explain_todo(struct account *account, enum explain_situation situation, bool with_tree, bool *ok);

/* tree may be NULL. False if memory ran out; explain_free is due all the same. */
bool explain_account(const struct incident *incident, const struct vmm_tree *tree,
		     const struct sv_policy *policy, struct account *account);
void explain_free(struct account *account);

void explain_print(const struct account *account, size_t number, size_t of);

/* One JSON object on a line. False if memory ran out. */
bool explain_print_json(const struct account *account);

#endif
