/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the plugin uses of QEMU's interface for TCG plugins (QEMU manual, "QEMU TCG Plugins"), in its versions
 * 1 (QEMU 7.2 to 8.2), 2 (9.0), 3 (9.1), 4 (9.2 and 10.0), 5 (10.1 and 10.2), 6 (11.0) and 7 (11.1).
 *
 * Distributions do not package QEMU's own header, so names and types are typed again. QEMU finds the plugin's
 * two symbols when it loads it, and the loader finds QEMU's: no library is linked. A weak one is in some
 * versions only and NULL in others. A function whose type changed is declared without one, and called as what
 * it is in the version at hand.
 */
#ifndef LINT_QEMU_H
#define LINT_QEMU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
struct qemu_plugin_register;

/* Passed to qemu_plugin_install; valid until it returns. */
typedef struct qemu_info_t {
	const char *target_name; /* "aarch64" */
	struct {
		int min, cur; /* interface versions that this QEMU takes */
	} version;
	bool system_emulation; /* else a program of user space is emulated */
	struct {
		int smp_vcpus, max_vcpus;
	} system;
} qemu_info_t;

enum qemu_plugin_cb_flags { QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_CB_R_REGS };
enum qemu_plugin_mem_rw { QEMU_PLUGIN_MEM_R = 1, QEMU_PLUGIN_MEM_W, QEMU_PLUGIN_MEM_RW };

/* The plugin's. QEMU reads the version it was made for before it calls the function. */
#define PLUGIN_EXPORT __attribute__((visibility("default")))
extern PLUGIN_EXPORT int qemu_plugin_version;
PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv);

/* QEMU's. */
#define WEAK __attribute__((weak))
/*
 * Registration. From version 7 on what is registered is not told the plugin's id first, but gets a pointer
 * last, which is given when it is registered. Callbacks: (id, tb), (id), (id, vCPU); then (tb, data), (data),
 * (vCPU, data).
 */
typedef void (*qemu_callback_t)(void);
typedef void (*qemu_register_t)(qemu_plugin_id_t id, qemu_callback_t callback);
typedef void (*qemu_register_7_t)(qemu_plugin_id_t id, qemu_callback_t callback, void *data);
void qemu_plugin_register_vcpu_tb_trans_cb(void);
void qemu_plugin_register_flush_cb(void);
void qemu_plugin_register_vcpu_init_cb(void);

typedef void (*qemu_plugin_vcpu_mem_cb_t)(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t va,
					  void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, qemu_plugin_vcpu_mem_cb_t callback,
				      enum qemu_plugin_cb_flags flags, enum qemu_plugin_mem_rw rw,
				      void *data);

size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

/* Up to version 2 it returns where the bytes are; from 3 on it copies them. */
void qemu_plugin_insn_data(void);
typedef const void *(*insn_data_where_t)(const struct qemu_plugin_insn *insn);
typedef size_t (*insn_data_copy_t)(const struct qemu_plugin_insn *insn, void *bytes, size_t size);

bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t info);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(qemu_plugin_meminfo_t info, uint64_t va);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *address);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *address);
const char *qemu_plugin_hwaddr_device_name(const struct qemu_plugin_hwaddr *address);

/*
 * Disassembly in the syntax of the state that the vCPU is in, if QEMU was built with a disassembler; to be
 * freed.
 */
char *qemu_plugin_insn_disas(const struct qemu_plugin_insn *insn);
void g_free(void *memory) WEAK;

/* Never called: in version 1 only; from 3, 4 and 6 on. */
void qemu_plugin_n_vcpus(void) WEAK;
void qemu_plugin_register_vcpu_insn_exec_cond_cb(void) WEAK;
void qemu_plugin_read_memory_vaddr(void) WEAK;
void qemu_plugin_set_pc(void) WEAK;

/*
 * From 2 on: the registers of the vCPU whose callback it is. GArray and GByteArray are GLib's, which QEMU
 * links.
 */
typedef struct {
	char *data;
	unsigned int len; /* elements */
} GArray;
typedef struct {
	uint8_t *data;
	unsigned int len;
} GByteArray;
typedef struct {
	struct qemu_plugin_register *handle;
	const char *name, *feature;
	/* From version 7 on more follows: elements are as large as the array says. */
} qemu_plugin_reg_descriptor;

GArray *qemu_plugin_get_registers(void) WEAK;
/* Appends to bytes, unless it fails; what it returns changed with version 6. */
void qemu_plugin_read_register(struct qemu_plugin_register *handle, GByteArray *bytes) WEAK;
GByteArray *g_byte_array_new(void) WEAK;
GByteArray *g_byte_array_set_size(GByteArray *array, unsigned int size) WEAK;
unsigned int g_array_get_element_size(GArray *array) WEAK;
char *g_array_free(GArray *array, int free_data) WEAK;

#endif
