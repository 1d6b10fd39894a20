;; The part of the language that is written in itself.

(define-syntax let*
  (syntax-rules ()
    ((_ () body ...) (let () body ...))
    ((_ (binding) body ...) (let (binding) body ...))
    ((_ (binding rest ...) body ...) (let (binding) (let* (rest ...) body ...)))))

(define-syntax when
  (syntax-rules () ((_ test body ...) (if test (begin body ...)))))

(define-syntax unless
  (syntax-rules () ((_ test body ...) (if test (if #f #f) (begin body ...)))))

(define-syntax cond
  (syntax-rules (else =>)
    ((_) (if #f #f))
    ((_ (else body ...)) (begin body ...))
    ((_ (test => receiver) clause ...) (let ((value test)) (if value (receiver value) (cond clause ...))))
    ((_ (test) clause ...) (or test (cond clause ...)))
    ((_ (test body ...)) (if test (begin body ...)))
    ((_ (test body ...) clause ...) (if test (begin body ...) (cond clause ...)))))

(define-syntax case
  (syntax-rules ()
    ((_ key clause ...) (let ((value key)) (%case value clause ...)))))

(define-syntax %case
  (syntax-rules (else =>)
    ((_ value) (if #f #f))
    ((_ value (else => receiver)) (receiver value))
    ((_ value (else body ...)) (begin body ...))
    ((_ value ((datum) => receiver) clause ...)
     (if (eqv? value 'datum) (receiver value) (%case value clause ...)))
    ((_ value (data => receiver) clause ...) (if (memv value 'data) (receiver value) (%case value clause ...)))
    ((_ value ((datum) body ...) clause ...) (if (eqv? value 'datum) (begin body ...) (%case value clause ...)))
    ((_ value (data body ...) clause ...) (if (memv value 'data) (begin body ...) (%case value clause ...)))))

(define-syntax do
  (syntax-rules ()
    ((_ ((name init step ...) ...) (test result ...) body ...)
     (let loop ((name init) ...)
       (if test
           (begin (if #f #f) result ...)
           (begin body ... (loop (%step name step ...) ...)))))))

(define-syntax %step
  (syntax-rules () ((_ name) name) ((_ name step) step)))

;; ---- libraries, all of which share one set of globals

(define-syntax import
  (syntax-rules () ((_ . libraries) (if #f #f))))

(define-syntax define-library
  (syntax-rules () ((_ name declaration ...) (begin (%declaration declaration) ...))))

(define-syntax %declaration
  (syntax-rules (begin) ((_ (begin form ...)) (begin form ...)) ((_ other) (if #f #f))))

(define-syntax cond-expand
  (syntax-rules (and or not else library scheme r7rs full-unicode grisaille)
    ((_) (if #f #f))
    ((_ (else form ...) clause ...) (begin form ...))
    ((_ ((and) form ...) clause ...) (begin form ...))
    ((_ ((and first rest ...) form ...) clause ...)
     (cond-expand (first (cond-expand ((and rest ...) form ...) clause ...)) clause ...))
    ((_ ((or) form ...) clause ...) (cond-expand clause ...))
    ((_ ((or first rest ...) form ...) clause ...)
     (cond-expand (first form ...) ((or rest ...) form ...) clause ...))
    ((_ ((not requirement) form ...) clause ...) (cond-expand (requirement (cond-expand clause ...)) (else form ...)))
    ((_ ((library (scheme . name)) form ...) clause ...) (begin form ...))
    ((_ (r7rs form ...) clause ...) (begin form ...))
    ((_ (full-unicode form ...) clause ...) (begin form ...))
    ((_ (grisaille form ...) clause ...) (begin form ...))
    ((_ (other form ...) clause ...) (cond-expand clause ...))))

;; ---- records

(define-syntax define-record-type
  (syntax-rules ()
    ((_ (type . ignored) . rest) (define-record-type type . rest))
    ((_ type constructor test (field . procedures) ...)
     (begin (define type (%record-type 'type '(field ...)))
            (%define-constructor type constructor (field ...))
            (%define-test type test)
            (%define-field type field . procedures) ...))))

(define-syntax %define-constructor
  (syntax-rules ()
    ((_ type #f all) (if #f #f))
    ((_ type (name field ...) all) (define name (%record-make type '(field ...))))
    ((_ type name all) (define name (%record-make type 'all)))))

(define-syntax %define-test
  (syntax-rules () ((_ type #f) (if #f #f)) ((_ type name) (define name (%record-test type)))))

(define-syntax %define-field
  (syntax-rules ()
    ((_ type field) (if #f #f))
    ((_ type field get) (define get (%record-get type 'field)))
    ((_ type field get set) (begin (define get (%record-get type 'field)) (define set (%record-set type 'field))))))

;; ---- errors

(define-syntax guard
  (syntax-rules ()
    ((_ (name clause ...) body ...)
     (%guard (lambda () body ...) (lambda (name) (%guard-clauses name () clause ...))))))

;; What no clause takes is raised again.
(define-syntax %guard-clauses
  (syntax-rules (else)
    ((_ name (clause ...)) (cond clause ... (else (raise-continuable name))))
    ((_ name (clause ...) (else body ...)) (cond clause ... (else body ...)))
    ((_ name (clause ...) next rest ...) (%guard-clauses name (clause ... next) rest ...))))

;; ---- promises

;; The state is a pair: whether there is a value, and the value or what makes it.
(define-record-type promise (%promise state) promise? (state %promise-state %promise-set!))

(define (%make-promise done? value) (%promise (cons done? value)))

(define-syntax delay
  (syntax-rules () ((_ expression) (%make-promise #f (lambda () (make-promise expression))))))

(define-syntax delay-force
  (syntax-rules () ((_ expression) (%make-promise #f (lambda () expression)))))

(define (make-promise value)
  (if (promise? value) value (%make-promise #t value)))

(define (force promise)
  (if (promise? promise)
      (let ((state (%promise-state promise)))
        (if (car state)
            (cdr state)
            (let* ((next ((cdr state))) (state (%promise-state promise)))
              (if (not (car state))
                  (let ((inner (%promise-state next)))
                    ;; The two share what is left to do.
                    (set-car! state (car inner))
                    (set-cdr! state (cdr inner))
                    (%promise-set! next state)))
              (force promise))))
      promise))

(define-syntax case-lambda
  (syntax-rules ()
    ((_ (formals body ...) ...)
     (let ((choices (list (cons '(%formals formals) (lambda formals body ...)) ...)))
       (lambda arguments (%choose choices arguments))))))

(define (%choose choices arguments)
  (cond ((null? choices) (error "case-lambda: no clause takes these arguments" arguments))
        ((%fits? (cadr (car (car choices))) arguments) (apply (cdr (car choices)) arguments))
        (else (%choose (cdr choices) arguments))))

(define (%fits? formals arguments)
  (cond ((pair? formals) (and (pair? arguments) (%fits? (cdr formals) (cdr arguments))))
        ((null? formals) (null? arguments))
        (else #t)))

(define-syntax let-values
  (syntax-rules ()
    ((_ (binding ...) body ...) (%let-values (binding ...) () body ...))))

;; First all values go to new names.
(define-syntax %let-values
  (syntax-rules ()
    ((_ () ((name temporary) ...) body ...) (let ((name temporary) ...) body ...))
    ((_ ((formals expression) rest ...) done body ...)
     (%bind-values formals () done expression (rest ...) body ...))))

(define-syntax %bind-values
  (syntax-rules ()
    ((_ () formals done expression rest body ...)
     (call-with-values (lambda () expression) (lambda formals (%let-values rest done body ...))))
    ((_ (name . more) (formal ...) (pair ...) expression rest body ...)
     (%bind-values more (formal ... temporary) (pair ... (name temporary)) expression rest body ...))
    ((_ name (formal ...) (pair ...) expression rest body ...)
     (call-with-values (lambda () expression)
       (lambda (formal ... . temporary) (%let-values rest (pair ... (name temporary)) body ...))))))

(define-syntax let*-values
  (syntax-rules ()
    ((_ () body ...) (let () body ...))
    ((_ (binding rest ...) body ...) (let-values (binding) (let*-values (rest ...) body ...)))))

(define-syntax define-values
  (syntax-rules ()
    ((_ formals expression) (%define-values formals () formals expression))))

(define-syntax %define-values
  (syntax-rules ()
    ((_ () ((name temporary) ...) formals expression)
     (begin (define name #f) ...
            (%set-values formals () ((name temporary) ...) expression)))
    ((_ (name . more) (pair ...) formals expression)
     (%define-values more (pair ... (name temporary)) formals expression))
    ((_ name (pair ...) formals expression)
     (%define-values () (pair ... (name temporary)) formals expression))))

(define-syntax %set-values
  (syntax-rules ()
    ((_ () (formal ...) ((name temporary) ...) expression)
     (call-with-values (lambda () expression) (lambda (temporary ...) (set! name temporary) ...)))
    ((_ (first . more) formals pairs expression) (%set-values more formals pairs expression))
    ((_ rest formals ((name temporary) ... (last-name last)) expression)
     (call-with-values (lambda () expression)
       (lambda (temporary ... . last) (set! name temporary) ... (set! last-name last))))))

(define-syntax receive
  (syntax-rules ()
    ((_ formals expression body ...) (call-with-values (lambda () expression) (lambda formals body ...)))))

(define-syntax parameterize
  (syntax-rules ()
    ((_ ((parameter value) ...) body ...)
     (%parameterize (list (cons parameter value) ...) (lambda () body ...)))))

(define (%parameterize bindings thunk)
  (let ((values (map (lambda (binding)
                       (let ((converter (%parameter-converter (car binding))))
                         (if converter (converter (cdr binding)) (cdr binding))))
                     bindings)))
    (define (swap!)
      (set! values (map (lambda (binding value)
                          (let ((old ((car binding))))
                            (%parameter-set! (car binding) value)
                            old))
                        bindings values)))
    (dynamic-wind swap! thunk swap!)))

(define (make-parameter value . converter)
  (if (null? converter)
      (%make-parameter value #f)
      (%make-parameter ((car converter) value) (car converter))))

(define-syntax assert
  (syntax-rules () ((_ test) (if test #t (error "assertion failed" 'test)))))

;; ---- lists

(define (member key list . same)
  (if (null? same)
      (%member key list)
      (let loop ((rest list))
        (cond ((null? rest) #f)
              (((car same) key (car rest)) rest)
              (else (loop (cdr rest)))))))

(define (assoc key list . same)
  (if (null? same)
      (%assoc key list)
      (let loop ((rest list))
        (cond ((null? rest) #f)
              (((car same) key (caar rest)) (car rest))
              (else (loop (cdr rest)))))))

(define (list-set! list index value) (set-car! (list-tail list index) value))

(define (boolean=? first . rest) (%all-same? boolean? first rest))
(define (symbol=? first . rest) (%all-same? symbol? first rest))
(define (%all-same? kind? first rest)
  (or (null? rest) (and (kind? first) (eq? first (car rest)) (%all-same? kind? first (cdr rest)))))

;; ---- numbers

(define exact->inexact inexact)
(define inexact->exact exact)
(define complex? number?)
(define real? number?)
(define (inexact? number) (not (exact? number)))
(define (exact-integer? value) (and (integer? value) (exact? value)))
(define (exact-rational? value) (exact-integer? value))
(define (finite? number) (not (or (nan? number) (infinite? number))))
(define (odd? number) (not (even? number)))
(define (abs number) (if (negative? number) (- number) number))
(define magnitude abs)
(define (square number) (* number number))
(define (1+ number) (+ number 1))
(define (-1+ number) (- number 1))
(define (lcm . numbers)
  (let loop ((result 1) (rest numbers))
    (cond ((null? rest) result)
          ((zero? (car rest)) (car rest))
          (else (loop (quotient (abs (* result (car rest))) (gcd result (car rest))) (cdr rest))))))
(define truncate-quotient quotient)
(define truncate-remainder remainder)
(define floor-remainder modulo)
(define (truncate/ a b) (values (quotient a b) (remainder a b)))
(define (floor/ a b) (values (floor-quotient a b) (modulo a b)))
(define (exact-integer-sqrt number)
  (let ((both (%exact-integer-sqrt number))) (values (car both) (cdr both))))
(define (numerator number) number)
(define (denominator number) (if (exact? number) 1 1.0))
(define (boolean->number truth) (if truth 1 0))

;; ---- characters and strings

(define (char-foldcase letter) (char-downcase letter))
(define (string-foldcase string) (string-downcase string))
(define (substring string start end) (string-copy string start end))
(define (string->vector string . range) (list->vector (apply string->list string range)))
(define (vector->string vector . range) (list->string (apply vector->list vector range)))
(define (string-copy! to at from . range)
  (let ((part (apply string-copy from range)))
    (let loop ((index 0))
      (when (< index (string-length part))
        (string-set! to (+ at index) (string-ref part index))
        (loop (+ index 1))))))
(define (string-map procedure . strings) (list->string (apply map procedure (map string->list strings))))
(define (string-for-each procedure . strings) (apply for-each procedure (map string->list strings)))
(define (%folding compare convert)
  (lambda (first . rest) (apply compare (convert first) (map convert rest))))
(define char-ci=? (%folding char=? char-foldcase))
(define char-ci<? (%folding char<? char-foldcase))
(define char-ci>? (%folding char>? char-foldcase))
(define char-ci<=? (%folding char<=? char-foldcase))
(define char-ci>=? (%folding char>=? char-foldcase))
(define string-ci=? (%folding string=? string-foldcase))
(define string-ci<? (%folding string<? string-foldcase))
(define string-ci>? (%folding string>? string-foldcase))
(define string-ci<=? (%folding string<=? string-foldcase))
(define string-ci>=? (%folding string>=? string-foldcase))

;; ---- vectors

(define (vector-map procedure . vectors) (list->vector (apply map procedure (map vector->list vectors))))
(define (vector-for-each procedure . vectors) (apply for-each procedure (map vector->list vectors)))

;; ---- ports

(define current-error-port current-output-port)
(define textual-port? port?)
(define binary-port? port?)
(define (input-port-open? port) (input-port? port))
(define (output-port-open? port) (output-port? port))
(define close-input-port close-port)
(define close-output-port close-port)
(define open-binary-input-file open-input-file)
(define open-binary-output-file open-output-file)
(define write-shared write)
(define write-simple write)
(define (call-with-port port procedure)
  (call-with-values (lambda () (procedure port))
    (lambda results (close-port port) (apply values results))))
(define (call-with-input-file name procedure) (call-with-port (open-input-file name) procedure))
(define (call-with-output-file name procedure) (call-with-port (open-output-file name) procedure))
(define (with-input-from-file name thunk)
  (call-with-input-file name (lambda (port) (parameterize ((current-input-port port)) (thunk)))))
(define (with-output-to-file name thunk)
  (call-with-output-file name (lambda (port) (parameterize ((current-output-port port)) (thunk)))))
(define (call-with-output-string procedure)
  (let ((port (open-output-string))) (procedure port) (get-output-string port)))
(define (with-output-to-string thunk)
  (call-with-output-string (lambda (port) (parameterize ((current-output-port port)) (thunk)))))

;; ---- the rest

(define (void . ignored) (if #f #f))
(define (call-with-escape-continuation procedure) (call/cc procedure))
(define (interaction-environment) #t)
(define (scheme-report-environment version) #t)
(define (null-environment version) #t)
(define (environment . libraries) #t)
(define (features) '(r7rs full-unicode grisaille))
(define (command-line) '("lisp"))
(define emergency-exit exit)
