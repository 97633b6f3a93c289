// SPDX-License-Identifier: Apache-2.0
// A handler that does nothing, to measure what is around it.
import { serve } from "../../../clients/node/worker.mjs";

serve({ noop: () => null });
