/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One abort, from the exit to the resumed vCPU.
 *
 *	sv_session_begin(&session, &cpu, space, policy, &abort);
 *	while ((verdict = sv_session_next(&session)) == SV_VERDICT_ACCESS)
 *		if (!device_access(&session.access))
 *			sv_session_refuse(&session);
 *	report(&session.report);
 *
 * The embedder pulls: salvage never calls into device models, never blocks, starts no threads. A session
 * belongs to the thread that runs its vCPU; it lives in the caller's memory and owns nothing, so dropping
 * it leaks nothing, but once the first access is out the instruction must be finished, or the guest sees
 * half of it.
 *
 * All or nothing: no register, memory or device is touched until every access of the instruction is known
 * to be possible (DESIGN.md, invariant 1).
 */
#ifndef SALVAGE_ABORT_H
#define SALVAGE_ABORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <salvage/except.h>
#include <salvage/insn.h>
#include <salvage/mmu.h>
#include <salvage/policy.h>
#include <salvage/regs.h>
#include <salvage/space.h>
#include <salvage/status.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * The narrow interface to a vCPU. Everything is called on the session's thread, with cpu->vcpu as first
 * argument.
 *
 * load and store move size bytes (1, 2, 4 or 8, inside one region) between data and guest memory at ipa,
 * single-copy atomically if ipa is aligned to size; region is the RAM or ROM region that holds ipa. SV_OK
 * or SV_FAULT: a read that meets poison or a truncated file must come back as an error, never as a signal
 * that ends the process. store is also the place where the embedder marks memory as dirty.
 *
 * inject makes the exception (except.h) pending or enters it: SV_OK, or SV_UNSUPPORTED where there is no way
 * to do so.
 */
struct sv_cpu_ops {
	struct sv_regs_ops regs;
	enum sv_status (*load)(void *vcpu, const struct sv_region *region, uint64_t ipa, unsigned size,
			       void *data);
	enum sv_status (*store)(void *vcpu, const struct sv_region *region, uint64_t ipa, unsigned size,
				const void *data);
	enum sv_status (*inject)(void *vcpu, const struct sv_injection *injection);
};

enum sv_cpu_flag {
	SV_CPU_PROTECTED = 1 << 0, /* a protected VM: refused by name */
	SV_CPU_EL2 = 1 << 1,       /* the guest has a virtual EL2: refused by name */
};

struct sv_cpu {
	const struct sv_cpu_ops *ops;
	void *vcpu;
	unsigned flags;        /* enum sv_cpu_flag */
	unsigned mmu_features; /* enum sv_mmu_feature */
	/*
	 * The host single-steps this vCPU (KVM_GUESTDBG_SINGLESTEP): the embedder's to set and clear. KVM
	 * never sees the instructions that salvage performs, and has its own idea of PSTATE.SS: it is left
	 * alone, and report.stepped says when the debugger is to be told of a step, before the vCPU runs
	 * again.
	 */
	bool host_steps;
	/* salvage's own: how often in a row one instruction was retried, and which; 0 at creation */
	unsigned retries;
	uint64_t retry_pc;
};

/* Retries in a row before the policy for cause mismatch (or undecodable) decides (DESIGN.md, invariant 2). */
#define SV_RETRY_LIMIT 8

/* What KVM_EXIT_ARM_NISV says, or KVM_EXIT_ARM_LDST64B. */
struct sv_abort {
	uint64_t esr_iss;   /* CM, WnR, FSC only; of a 64-byte access all but FSC */
	uint64_t fault_ipa; /* with FAR[11:0] */
	bool ldst64b;       /* KVM_EXIT_ARM_LDST64B */
};

enum sv_verdict {
	SV_VERDICT_RESUME, /* state changed or exception pending: run the vCPU */
	SV_VERDICT_ACCESS, /* perform session.access, then call again */
	SV_VERDICT_RETRY,  /* nothing changed: run the vCPU again */
	/*
	 * The embedder decides; report.action and report.reason say why. Nothing has changed, but where the
	 * vCPU itself failed (REGISTER, NO_INJECTION) after accesses were performed: report.accesses counts
	 * them.
	 */
	SV_VERDICT_STOP,
};

/* How an abort ended; what the "verdict" field of an abort event says. */
#define SV_ENDINGS(X)             \
	X(COMPLETED, "completed") \
	X(INJECTED, "injected")   \
	X(IGNORED, "ignored")     \
	X(OBSERVED, "observed")   \
	X(RETRIED, "retried")     \
	X(STOPPED, "stopped")

enum sv_ending {
#define X(name, text) SV_ENDING_##name,
	SV_ENDINGS(X)
#undef X
		SV_ENDING_COUNT
};

const char *sv_ending_name(enum sv_ending ending);

/* What exactly was in the way; finer than the cause. */
#define SV_REASONS(X)                                                                                \
	X(NONE, "")                                                                                  \
	X(AARCH32, "the guest is in AArch32 state, for which this version has no decoder")           \
	X(VIRTUAL_EL2, "the guest has a virtual EL2: PC and stage 1 may be those of a nested guest") \
	X(PROTECTED, "the VM is protected: its registers and memory are not ours to read")           \
	X(PC_TRANSLATION, "stage 1 gives no address for the PC")                                     \
	X(PC_NOT_MEMORY, "the PC points outside memory")                                             \
	X(FETCH_FAULT, "the instruction could not be read: poisoned or truncated memory")            \
	X(NOT_DECODED, "the word at the PC is no load or store that this version decodes")           \
	X(UNPREDICTABLE, "the encoding is CONSTRAINED UNPREDICTABLE")                                \
	X(ISV_ROW, "the CPU describes this instruction itself, so it is not the one that aborted")   \
	X(DIRECTION, "the instruction's direction is not the syndrome's WnR")                        \
	X(CACHE_OP, "the syndrome says cache maintenance, the instruction is none")                  \
	X(NOT_LDST64B, "the syndrome says a 64-byte access, the instruction is none or another")     \
	X(FAULT_STATUS, "the fault status is neither a translation nor a permission fault")          \
	X(ADDRESS, "no byte the instruction accesses is at the fault address")                       \
	X(MEMORY, "there is memory at the fault address now")                                        \
	X(DATA_TRANSLATION, "stage 1 gives no address for a byte of the access")                     \
	X(ALIGNMENT, "an unaligned element on Device memory")                                        \
	X(WALK_UNSUPPORTED, "the guest uses a translation feature that this version does not know")  \
	X(HOLE, "nothing is there")                                                                  \
	X(KERNEL_DEVICE, "the device is inside the kernel, where userspace cannot reach it")         \
	X(KERNEL_REGISTER, "the kernel gives userspace no access there that equals the guest's")     \
	X(WINDOW, "the device does not take accesses of this size or alignment")                     \
	X(ATOMIC, "the device cannot perform an atomic as one access")                               \
	X(LDST64B, "the device does not take 64 bytes as one access")                                \
	X(TAGGED_MEMORY, "the instruction sets the tags of memory, which only the CPU can")          \
	X(DEVICE_REFUSED, "the device refused the access")                                           \
	X(MEMORY_FAULT, "guest memory could not be accessed: poisoned or truncated")                 \
	X(FRAGMENTED, "the access spans more regions than are supported")                            \
	X(REGISTER, "a register of the vCPU could not be read or written")                           \
	X(NO_INJECTION, "this kernel cannot inject the exception")                                   \
	X(SIMD, "the embedder cannot reach the SIMD&FP registers")                                   \
	X(SVE, "the embedder cannot reach the SVE registers, or the vCPU may be in streaming mode")  \
	X(MEMORY_ERROR, "the memory there is bad")                                                   \
	X(AMBIGUOUS, "the instruction accesses more than one page, or none of memory")               \
	X(FOREIGN, "memory of the VMM that is not the guest's is bad")                               \
	X(VECTORS, "the guest has no vectors to take an abort with: they are not in good memory")    \
	X(NESTED, "the guest's abort handler takes the same abort again and again")                  \
	X(DROPPED, "the embedder made something else of the vCPU while it performed an access")      \
	X(POLICY, "a policy rule says so")

/*
 * After these come, in the order of SV_REFUSALS in insn.h, the instructions that are decoded and not
 * performed.
 */
enum sv_reason {
#define X(name, text) SV_REASON_##name,
	SV_REASONS(X)
#undef X
#define X(name, text) SV_REASON_REFUSED_##name,
		SV_REFUSALS(X)
#undef X
			SV_REASON_COUNT,
	SV_REASON_FIRST_REFUSED = SV_REASON_POLICY + 1
};

const char *sv_reason_text(enum sv_reason reason);

/*
 * The cause whose rules decide over an instruction of the row on a device: NISV, ATOMIC or LDST64B; for one
 * that is not performed EXCLUSIVE or UNSUPPORTED.
 */
enum sv_cause sv_row_cause(const struct sv_row *row);

/*
 * What happened, complete once a verdict other than ACCESS is out. Plain data; region and rule point into
 * the embedder's arrays.
 */
struct sv_report {
	enum sv_cause cause;
	enum sv_ending ending;
	enum sv_ending would; /* OBSERVED: what salvage would have done */
	enum sv_reason reason;
	enum sv_action action; /* what the rule said */
	struct sv_abort abort;
	uint64_t pc; /* valid if has_pc */
	uint64_t
		va; /* of the byte that ipa belongs to, or the one that stage 1 gives no IPA; valid if has_va */
	uint64_t ipa;        /* the address this is about: the first one in the way, else the fault address */
	bool no_ipa;         /* of a memory error: nobody knows it, and ipa is 0 */
	struct sv_insn insn; /* valid if has_insn */
	uint32_t word;       /* the opcode; valid if has_word */
	bool has_pc, has_va, has_word, has_insn;
	enum sv_mmu_refusal walk_refusal; /* reason WALK_UNSUPPORTED: what of stage 1 is not known */
	enum sv_exception_kind exception; /* INJECTED, or would have been: what the guest got */
	bool isv; /* the CPU described the access: an ordinary KVM_EXIT_MMIO to a hole */
	bool write;
	bool stepped;                   /* the host's debugger is owed a step (sv_cpu.host_steps) */
	unsigned accesses;              /* device accesses performed */
	const struct sv_region *region; /* at ipa, or NULL in a hole */
	const struct sv_rule *rule;     /* the rule that decided, or NULL if it never came to that */

	/*
	 * For sv_report_text, what only the embedder can know. A session leaves them NULL and false; strings
	 * are the embedder's.
	 */
	const char *symbol; /* the code at pc: "uart_init+0x10" */
	const char *node;   /* the path of the guest's device-tree node that ipa lies in, else the nearest */
	bool node_here;     /* ipa lies in it */
	bool node_disabled; /* it says that it is not there */
};

/*
 * One device access for the embedder. Plain ones have op SV_OP_NONE and size 1, 2, 4 or 8, with data in
 * memory order as in struct kvm_run's mmio.
 *
 * Any other op comes only to windows that declare atomics: size is up to 16, and the device performs it
 * indivisibly: with its lock held, data becomes what the device held, and sv_atomic says what it holds from
 * then on.
 *
 * An access of 64 bytes comes only to windows that take that size, and is one access too. Of ST64BV the
 * device answers with a response: 0, or why it did not accept the store (DDI 0487, ST64BV: all ones if it
 * does not know such stores).
 */
struct sv_access {
	uint64_t ipa;
	/*
	 * The window; a device inside the kernel, at a register that its map says can be reached; a ROM slot
	 * for a write to one; NULL in a hole that a rule says to emulate.
	 */
	const struct sv_region *region;
	uint8_t size;
	bool write;
	uint8_t op; /* enum sv_op */
	bool big_endian;
	bool responds;     /* ST64BV */
	uint64_t response; /* the embedder fills it in */
	/* Write: what to write. Read, and atomics: what was there; the embedder fills it in. */
	uint8_t data[SV_ACCESS_BYTES];
	uint8_t operand[SV_ATOMIC_BYTES], compare[SV_ATOMIC_BYTES];
};

/* A run of bytes of the footprint that lie in one place. */
struct sv_segment {
	uint16_t offset, length; /* in the footprint; of a copy what it reads comes first */
	bool write;
	uint64_t va, ipa;
	enum sv_region_kind kind;
	const struct sv_region *region;
};

#define SV_SEGMENTS    8
#define SV_SYSTEM_REGS (SV_REG_COUNT - SV_SCTLR_EL1)

/* report and access are the embedder's to read; the rest is salvage's. */
struct sv_session {
	struct sv_report report;
	struct sv_access access;

	struct sv_cpu *cpu;
	const struct sv_space *space;
	const struct sv_policy *policy;
	enum sv_verdict verdict; /* once over */
	uint32_t system_regs_read;
	uint16_t offset; /* progress in the footprint */
	/* The first byte of the footprint that stage 1 denies: what the guest is told. */
	uint64_t fault_va, fault_esr;
	enum sv_reason fault_reason; /* NONE: there is none */
	uint8_t segment_count;
	uint8_t state;
	bool refused;
	bool ignores; /* by policy some accesses read as zero, or are writes that are ignored */

	struct sv_context context;
	struct sv_plan plan;
	struct sv_segment segments[SV_SEGMENTS];
	/* From SV_SCTLR_EL1 on, as far as read: none is read twice in a session. */
	uint64_t system_regs[SV_SYSTEM_REGS];
};

/*
 * Starts a session on an abort. cpu, space and policy (NULL: defaults) must stay until the last verdict;
 * abort is copied.
 */
void sv_session_begin(struct sv_session *session, struct sv_cpu *cpu, const struct sv_space *space,
		      const struct sv_policy *policy, const struct sv_abort *abort);

/*
 * The next step. Bounded work, whatever the guest does. After a verdict other than ACCESS the session is
 * over and the verdict is repeated.
 */
enum sv_verdict sv_session_next(struct sv_session *session);

/*
 * The device did not take session->access: the next step ends the instruction with an abort, base and
 * destinations unchanged. No effect where no access is out.
 */
void sv_session_refuse(struct sv_session *session);

/*
 * For embedders that let go of the vCPU while an access is out. sv_session_drop: it was reset, or its
 * registers are another state's; the session is over (RETRIED), and no register is written any more.
 * sv_session_memory: whether all memory that the instruction touches is in now where it was in the session's
 * space; if not, sv_session_refuse before the next step.
 */
void sv_session_drop(struct sv_session *session);
bool sv_session_memory(const struct sv_session *session, const struct sv_space *now);

/*
 * An access that the CPU did describe (KVM_EXIT_MMIO) and that found no device: applies the policy for
 * cause hole. RESUME: run the vCPU (report.ending says injected or ignored; if ignored, zero the data of a
 * read first). ACCESS: a rule says emulate, the embedder does as it likes. STOP. Uses session for its
 * report only.
 */
enum sv_verdict sv_hole(struct sv_session *session, struct sv_cpu *cpu, const struct sv_space *space,
			const struct sv_policy *policy, uint64_t ipa, bool write);

/*
 * Looking only: what the vCPU is about to do, where the hardware does not say what it did (external aborts
 * with FnV). Registers, tables and the opcode are read as a session reads them, and nothing is changed. Each
 * returns REASON_NONE, or why nothing can be said.
 *
 * sv_infer_begin comes first: PC and PSTATE, the PC in session->report. sv_infer_instruction reads and
 * decodes what is there. sv_infer_access is for after it: the one page of memory that the instruction
 * accesses, its first byte there in report.va and report.ipa. It must agree with the syndrome's WnR and CM.
 * An instruction that touches two pages says nothing, nor does a memory copy or set, whose registers may be
 * behind.
 */
enum sv_reason sv_infer_begin(struct sv_session *session, struct sv_cpu *cpu, const struct sv_space *space);
enum sv_reason sv_infer_instruction(struct sv_session *session);
enum sv_reason sv_infer_access(struct sv_session *session, bool write, bool cm);

/* After sv_infer_begin: what stage 1 makes of an address. On a fault *translation says which. */
enum sv_reason sv_infer_translate(struct sv_session *session, uint64_t va, struct sv_access_kind kind,
				  struct sv_translation *translation);

/*
 * After sv_infer_begin: the address of the descriptor of that level, -1 to 3, that the walk for va reads, for
 * an external abort on the walk. The descriptor itself is not read.
 */
enum sv_reason sv_infer_table(struct sv_session *session, uint64_t va, struct sv_access_kind kind, int level,
			      uint64_t *ipa);

/*
 * The report as one English sentence or two for an operator, NUL-terminated and cut at size; returns the
 * length it would have had. Names the instruction, the address, what lies nearest in space and in the guest's
 * device tree, the outcome, and the rule.
 */
size_t sv_report_text(const struct sv_report *report, const struct sv_space *space, char *buffer,
		      size_t size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
