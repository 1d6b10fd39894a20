; The heap only grows, then is dropped: three times.
(define (build i acc) (if (= i 0) acc (build (- i 1) (cons (vector i (list i)) acc))))
(define (run r s) (if (= r 0) s (run (- r 1) (+ s (length (build 600000 '()))))))
(display (run 3 0)) (newline)
