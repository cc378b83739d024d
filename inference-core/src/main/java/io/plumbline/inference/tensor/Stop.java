package io.plumbline.inference.tensor;

/** Ends a run that is under way, from another thread. Once stopped it stays so. */
public final class Stop {
    private boolean isStopped;
    private Runnable action;

    /** Ends the run that has begun, or the next one at once. */
    public synchronized void stop() {
        isStopped = true;
        if (action != null) {
            action.run();
        }
    }

    public synchronized boolean isStopped() {
        return isStopped;
    }

    /** What ends the run that begins now; null when it is over. Run at once where it is stopped already. */
    public synchronized void onStop(Runnable ends) {
        action = ends;
        if (isStopped && ends != null) {
            ends.run();
        }
    }
}
