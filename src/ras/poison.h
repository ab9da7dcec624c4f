/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef RAS_POISON_H
#define RAS_POISON_H

#include <pthread.h>

#include <salvage/poison.h>

#include "pages.h"

#define POISON_PAGE UINT64_C(4096)

/* Page 0 needs a key that is not 0; the low bits are free. */
#define POISON_KEY(page) ((page) | 1)

struct sv_poison {
	pthread_mutex_t mutex; /* adding */
	struct page_set set;
};

#endif
